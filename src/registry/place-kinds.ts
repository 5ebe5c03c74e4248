// SPDX-License-Identifier: Apache-2.0
import { AshlarError } from "../base/index.ts";
import type { ImageSource, ImageTarget } from "../oci/index.ts";
import { containersStorageSource } from "./containers-storage-source.ts";
import { dockerArchiveSource } from "./docker-archive-source.ts";
import { dockerArchiveTarget } from "./docker-archive-target.ts";
import { layoutSource } from "./layout-source.ts";
import { layoutTarget } from "./layout-target.ts";
import { ociArchiveSource, ociArchiveTarget } from "./oci-archive.ts";

/** The kinds of places on disk that images can be written to, as in `KIND:PATH[:TAG]`. */
export const targetKinds = ["oci", "oci-archive", "docker-archive"] as const;
export type TargetKind = (typeof targetKinds)[number];

/** All kinds of places on disk. */
export const placeKinds = [...targetKinds, "containers-storage"] as const;
export type PlaceKind = (typeof placeKinds)[number];

const sources = {
  oci: layoutSource,
  "oci-archive": ociArchiveSource,
  "docker-archive": dockerArchiveSource,
  "containers-storage": containersStorageSource,
};
const targets = {
  oci: layoutTarget,
  "oci-archive": ociArchiveTarget,
  "docker-archive": dockerArchiveTarget,
  "containers-storage": refuseTarget,
};

/** Opens a place on disk for reading. Nothing is read before `resolve`. */
export function openSource(kind: PlaceKind, path: string): ImageSource {
  return sources[kind](path);
}

/** Opens a place on disk for writing. Nothing is written before the first blob. Throws `REGISTRY_READ_ONLY`. */
export function openTarget(kind: PlaceKind, path: string): ImageTarget {
  return targets[kind](path);
}

/** An engine's storage has locks and records that are its own. */
function refuseTarget(path: string): never {
  const message = `Cannot write to containers-storage "${path}": it is read only, want the engine to write it`;
  throw new AshlarError("REGISTRY_READ_ONLY", message, { hint: "ashlar load IMAGE --into podman" });
}
