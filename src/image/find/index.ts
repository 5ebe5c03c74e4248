// SPDX-License-Identifier: Apache-2.0
/** The part of the folder that finds images in the store: commands that load no more start sooner. */
export { choosePlatform } from "../choose-platform.ts";
export { findImage } from "../find-image.ts";
export { readStoredRoot } from "../named-record.ts";
