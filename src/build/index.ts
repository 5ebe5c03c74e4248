// SPDX-License-Identifier: Apache-2.0
/**
 * Runs the stations in order: spec, lock, packages, phases, layers, image, outputs; and compares two builds.
 *
 * - project: the directory of a spec, its lock and the files it may name
 * - record: what the store remembers of an image; a name is a ref to one
 */
export { findImage, listImages, pruneSuperseded } from "./find-image.ts";
export { insideProject } from "./inside.ts";
export { type Progress, type ProgressStep, silentProgress } from "./progress.ts";
export { findProject, type Project } from "./project.ts";
export { type LoadedSpec, loadSpec } from "./spec-memo.ts";
export { storeSource } from "./store-source.ts";
