// SPDX-License-Identifier: Apache-2.0
/**
 * Runs the stations in order: spec, lock, packages, phases, layers, image, outputs; and compares two builds.
 *
 * - project: the directory of a spec, its lock and the files it may name
 * - stage: a root file system at some point of the build, by digests, with the layers that make it
 * - base: a foreign image that ours stands on, brought into the store; its layers pass as they are
 * - record: what the store remembers of an image; a name is a ref to one
 *
 *     const [image] = await build({ store, document, lock, fetch, form: "zstd:chunked", ... });
 *     await copyImage(storeSource(store, image.record), openTarget("oci", "out"));
 */
export { bringBases } from "./bring-bases.ts";
export { build, type BuildRequest, type BuiltImage } from "./build.ts";
export { plainSource } from "./plain-source.ts";
export { type BuildDifference, compareBuilds } from "./compare-builds.ts";
export { openStep } from "./open-step.ts";
export { compareRoots, type PathDifference } from "./compare-roots.ts";
export { type CurrentImage, currentImages } from "./current-images.ts";
export { below, findPath } from "./find-path.ts";
export { openBase } from "./foreign-base.ts";
export { findImage, type PlatformChoice, pruneSuperseded } from "../image/index.ts";
export { findReason, type Reason } from "./why.ts";
export {
  type LookedImage,
  type LookedLayer,
  lookAtRecord,
  lookAtSource,
} from "./looked-image.ts";
export { insideProject } from "./inside.ts";
export { type FetchUnpacked, type PackageStep, unpackAgain, unpackHere } from "./packages.ts";
export { partsHere } from "./parts-here.ts";
export { findProject, type Project } from "./project.ts";
export type { DirectoryOrder } from "./project-reader.ts";
export { type ImageRecord, lacksBlobs, type NamedRecord, originOf, readImageRecord } from "./record.ts";
export { pullImage, type PulledImage, type PullRequest } from "./pull-image.ts";
export { baseReader } from "./read-base.ts";
export { type LoadedSpec, loadSpec } from "./spec-memo.ts";
export { storeSource } from "./store-source.ts";
export { type ProvenPlatform, verifyStored } from "./verify-stored.ts";
export { type Output, writeOutput } from "./write-output.ts";
