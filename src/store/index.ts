// SPDX-License-Identifier: Apache-2.0
/**
 * Keeps every file once, for all images: contents in packs, trees, remembered actions, refs.
 *
 * - content: the bytes of a file, named by their sha256
 * - frame: one content (or chunk of a large one) compressed by itself; what lies in a pack and in a layer
 * - pack: immutable file of frames; the store's truth
 * - link: an uncompressed copy with given metadata, there to be hard-linked into checkouts; derived
 * - record: JSON with what it reaches; refs point at records, gc follows them
 * - action: a pure step with a remembered result
 *
 *     const store = openStore(dir, { compressor: await loadCompressor() });
 *     const pack = store.beginPack();
 *     const { digest } = pack.put(bytes);
 *     pack.commit();
 *     store.checkout(tree, "rootfs", { mode: "link" });
 */
export { type OpenOptions, openStore } from "./disk-store.ts";
export type { AdoptedDir, AdoptedFiles, AdoptOptions, AdoptReport } from "./adopted.ts";
export type { FaultKind, FsckFault, FsckOptions, FsckReport, FsckSubset } from "./fsck-report.ts";
export type { GcAmount, GcKind, GcOptions, GcPhase, GcReport } from "./gc-report.ts";
export { inPack } from "./in-pack.ts";
export { memoryStore } from "./memory-store.ts";
export { encodeRecord } from "./record.ts";
export { removeTree } from "./remove-tree.ts";
export { exposedParent } from "./rights.ts";
export { joinStore, shareStore } from "./shared-store.ts";
export { storeFault } from "./system-fault.ts";
export type {
  Action,
  ActionResult,
  CheckoutMode,
  CheckoutOptions,
  CheckoutReport,
  ContentInfo,
  ContentSize,
  ContentWriter,
  DevicePolicy,
  FetchTurn,
  FrameInfo,
  FramePackWriter,
  FrameWriter,
  Lease,
  PackWriter,
  Reaches,
  Ref,
  Store,
  StoreStats,
} from "./store.ts";
export type { VisitContent } from "./tree-lines.ts";
