// SPDX-License-Identifier: Apache-2.0
import type { Digest } from "../base/index.ts";
import { annotationKeys, type Descriptor, describeBytes, encodeManifest, mediaTypes } from "../oci/index.ts";
import type { LifecycleDocument } from "../spec/index.ts";
import { rfc3339 } from "./make-config.ts";

/** What a manifest says about its image beside what it is made of. */
export interface ManifestFacts {
  /** Seconds since 1970, as in the config. */
  readonly createdSeconds: number;
  /** What made the layers' bytes, e.g. `compressorId()`; their digests hold for it alone. */
  readonly compressor: string;
  readonly lifecycle?: LifecycleDocument | undefined;
  /** The image or suite below, e.g. "debian:bookworm". */
  readonly baseName?: string | undefined;
  /** The manifest of the image below, where that is one. */
  readonly baseDigest?: Digest | undefined;
}

export interface ManifestOptions extends ManifestFacts {
  readonly config: Uint8Array;
  /** Lowest first; of each only media type, digest, size and annotations are written. */
  readonly layers: readonly Descriptor[];
}

/** Makes an image's manifest: a pure function of the options. */
export function makeManifest(options: ManifestOptions): Uint8Array {
  return encodeManifest({
    mediaType: mediaTypes.manifest,
    config: describeBytes(mediaTypes.config, options.config),
    layers: options.layers.map(
      ({ mediaType, digest, sizeBytes, annotations }) => ({ mediaType, digest, sizeBytes, annotations }),
    ),
    annotations: annotationsOf(options),
  });
}

function annotationsOf(
  { createdSeconds, compressor, lifecycle, baseName, baseDigest }: ManifestFacts,
): Readonly<Record<string, string>> {
  const all: readonly (readonly [string, string | undefined])[] = [
    [annotationKeys.created, rfc3339(createdSeconds)],
    [annotationKeys.compressor, compressor],
    [annotationKeys.baseName, baseName],
    [annotationKeys.baseDigest, baseDigest],
    [annotationKeys.endOfLife, lifecycle?.eol],
    [annotationKeys.successor, lifecycle?.successor],
  ];
  return Object.fromEntries(all.filter((entry): entry is [string, string] => entry[1] !== undefined));
}
