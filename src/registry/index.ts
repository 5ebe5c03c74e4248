// SPDX-License-Identifier: Apache-2.0
/**
 * Places an image can live in, and the one way between them.
 *
 * - layout: a directory of blobs with an index.json (OCI image-layout.md); oci-archive: a tar of one
 * - docker-archive: what `docker save` writes; layers uncompressed, no manifests
 * - remote: a repository of a registry (OCI distribution-spec 1.1), read and written over HTTP
 * - containers-storage: where podman and buildah keep images unpacked; to read from only
 * - source, target: a place to read from or write to
 * - tag: names an image in a place; in a docker-archive it is `name:tag`
 * - referrers: manifests that name an image as their subject: signatures, bills of materials
 *
 *     const target = openTarget("oci", "out");
 *     await copyImage(sourceOf(image), target, { tag: "latest" });
 *     await target.finish();
 */
export { chooseRoot, pinnedSource } from "./choose-root.ts";
export { type CopyOptions, copyImage } from "./copy-image.ts";
export { listBlobs } from "./list-blobs.ts";
export { type Engine, findEngine, loadInto, type LoadOptions } from "./load-into.ts";
export { memoryPlace } from "./memory-place.ts";
export { splitPlace } from "./parse-place.ts";
export { openSource, openTarget, type PlaceKind, placeKinds, type TargetKind, targetKinds } from "./place-kinds.ts";
export { readImage, type ReadOptions } from "./read-image.ts";
export { type AuthFile, parseAuthFile } from "./remote/auth-files.ts";
export { credentialFinder } from "./remote/find-credentials.ts";
export { openRemote, type RegistrySettings, type RemotePlace } from "./remote/open-remote.ts";
export { parseRegistriesFile } from "./remote/registries-file.ts";
export { registryAddress } from "./remote/registry-address.ts";
export type { Retry } from "./remote/retrying-http.ts";
