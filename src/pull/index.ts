// SPDX-License-Identifier: Apache-2.0
/**
 * Brings images that were made elsewhere into the store, file by file.
 *
 * - way: how a layer comes: it is known, or its missing files come, or its blob is read whole
 * - span: consecutive bytes of a blob that one request fetches
 * - recipe: the tar of a layer as raw bytes and contents (see `layer`)
 * - foreign record: what the store remembers of such an image, as `ImageRecord` of one that was built
 *
 *     const { record } = await bringImage({ store, source, root, image, name, progress, keepBlobs: false });
 *     const { flat } = readForeignRecord(store, record);
 */
export { bringImage, type BringRequest, type BroughtImage } from "./bring-image.ts";
export type { LayerReport } from "./finish-layers.ts";
export { fetchFiles } from "./fetch-files.ts";
export { foreignFacts } from "./foreign-facts.ts";
export { type ForeignRecord, installedIn, readForeignRecord } from "./foreign-record.ts";
export { readIndexedLayer } from "./indexed-way.ts";
export { readForeignPackages } from "./installed-packages.ts";
