// SPDX-License-Identifier: Apache-2.0
import type { ImageSource, ImageTarget } from "../oci/index.ts";
import { dockerArchiveSource } from "./docker-archive-source.ts";
import { dockerArchiveTarget } from "./docker-archive-target.ts";
import { layoutSource } from "./layout-source.ts";
import { layoutTarget } from "./layout-target.ts";
import { ociArchiveSource, ociArchiveTarget } from "./oci-archive.ts";

/** The kinds of places on disk, as written in `KIND:PATH[:TAG]`. */
export const placeKinds = ["oci", "oci-archive", "docker-archive"] as const;
export type PlaceKind = (typeof placeKinds)[number];

const sources = { oci: layoutSource, "oci-archive": ociArchiveSource, "docker-archive": dockerArchiveSource };
const targets = { oci: layoutTarget, "oci-archive": ociArchiveTarget, "docker-archive": dockerArchiveTarget };

/** Opens a place on disk for reading. Nothing is read before `resolve`. */
export function openSource(kind: PlaceKind, path: string): ImageSource {
  return sources[kind](path);
}

/** Opens a place on disk for writing. Nothing is written before the first blob. */
export function openTarget(kind: PlaceKind, path: string): ImageTarget {
  return targets[kind](path);
}
