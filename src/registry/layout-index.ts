// SPDX-License-Identifier: Apache-2.0
import { AshlarError, compareOrdinal, type Digest, isAshlarError } from "../base/index.ts";
import {
  annotationKeys,
  type Descriptor,
  encodeIndex,
  isIndexType,
  isManifestType,
  mediaTypes,
  parseIndex,
} from "../oci/index.ts";
import { referrerOf } from "./referrer-of.ts";

/** The tag of an entry of a layout's index.json; undefined where it has none. */
function tagOf(entry: Descriptor): string | undefined {
  return entry.annotations?.[annotationKeys.refName];
}

/** Parses index.json (OCI image-spec v1.1, image-layout.md). Entries that are no images are kept. */
export function parseLayoutIndex(bytes: Uint8Array): readonly Descriptor[] {
  return parseIndex(bytes, mediaTypes.index).manifests;
}

/** Encodes index.json: entries by tag, then digest, whatever order they were written in. */
export function encodeLayoutIndex(entries: readonly Descriptor[]): Uint8Array {
  const key = (entry: Descriptor): string => `${tagOf(entry) ?? ""}\0${entry.digest}`;
  const manifests = [...entries].sort((a, b) => compareOrdinal(key(a), key(b)));
  return encodeIndex({ mediaType: mediaTypes.index, manifests });
}

/** Makes `tag` name the manifest and nothing else; without a tag the manifest is only listed. */
export function withEntry(entries: readonly Descriptor[], descriptor: Descriptor, tag?: string): readonly Descriptor[] {
  const { mediaType, digest, sizeBytes, platform, artifactType } = descriptor;
  const plain = {
    mediaType,
    digest,
    sizeBytes,
    ...(platform === undefined ? {} : { platform }),
    ...(artifactType === undefined ? {} : { artifactType }),
  };
  if (tag === undefined) return entries.some((entry) => entry.digest === digest) ? entries : [...entries, plain];
  const others = entries.filter(
    (entry) => tagOf(entry) !== tag && !(tagOf(entry) === undefined && entry.digest === digest),
  );
  return [...others, { ...plain, annotations: { [annotationKeys.refName]: tag } }];
}

/** Finds the entry of a tag, or the only one. Throws `OCI_IMAGE_MISSING`, `OCI_IMAGE_AMBIGUOUS`, naming `place`. */
export function resolveTag(entries: readonly Descriptor[], tag: string | undefined, place: string): Descriptor {
  const images = entries.filter((entry) => isIndexType(entry.mediaType) || isManifestType(entry.mediaType));
  // What has an artifactType stands beside an image, as its signature does: without a tag the image is meant.
  const plain = images.filter((entry) => entry.artifactType === undefined);
  const alone = plain.length > 0 ? plain : images;
  const found = tag === undefined ? alone : images.filter((entry) => tagOf(entry) === tag);
  const digests = new Set(found.map((entry) => entry.digest));
  const first = found[0];
  if (first !== undefined && digests.size === 1) return first;
  const tags = [...new Set(images.flatMap((entry) => tagOf(entry) ?? []))].sort(compareOrdinal);
  throw notOne(place, tag, first !== undefined, tags);
}

/**
 * The entries whose manifests name `subject`: an index.json has no other list of them (image-layout.md). Each
 * manifest is read.
 */
export function findReferrers(
  entries: readonly Descriptor[],
  subject: Digest,
  read: (descriptor: Descriptor) => Uint8Array,
): readonly Descriptor[] {
  const images = entries.filter((entry) => isIndexType(entry.mediaType) || isManifestType(entry.mediaType));
  const single = [...new Map(images.map((entry) => [entry.digest, entry])).values()];
  return single.flatMap((descriptor) => {
    try {
      return referrerOf({ descriptor, bytes: read(descriptor) }, subject) ?? [];
    } catch (error) {
      if (isAshlarError(error, "OCI_BLOB_MISSING")) return [];
      throw error;
    }
  });
}

function notOne(place: string, tag: string | undefined, several: boolean, tags: readonly string[]): AshlarError {
  const shown = tags.slice(0, 20).map((name) => `"${name}"`).join(", ");
  const there = tags.length === 0 ? "it has no tags" : `it has ${shown}`;
  const details = { tags: tags.slice(0, 1000) };
  if (several) {
    const text = tag === undefined ? "it has several images, want a tag" : `several images have the tag "${tag}"`;
    return new AshlarError("OCI_IMAGE_AMBIGUOUS", `Cannot choose image in ${place}: ${text}`, { hint: there, details });
  }
  const what = tag === undefined ? "an image" : `tag "${tag}"`;
  return new AshlarError("OCI_IMAGE_MISSING", `Cannot find ${what} in ${place}: ${there}`, { details });
}
