// SPDX-License-Identifier: Apache-2.0
import { type Digest, isAshlarError } from "../base/index.ts";
import { type Descriptor, isIndexType, parseIndex, parseManifest } from "../oci/index.ts";

/** A manifest or index, and how it is named. */
export interface Document {
  readonly descriptor: Descriptor;
  readonly bytes: Uint8Array;
}

/** The descriptor of a manifest that names the subject, as it describes itself; undefined where it does not. */
export function referrerOf({ descriptor, bytes }: Document, subject: Digest): Descriptor | undefined {
  try {
    const isIndex = isIndexType(descriptor.mediaType);
    const parsed = isIndex ? parseIndex(bytes, descriptor.mediaType) : parseManifest(bytes, descriptor.mediaType);
    if (parsed.subject?.digest !== subject) return undefined;
    // A manifest without an artifactType is what its config is (distribution-spec 1.1).
    const artifactType = parsed.artifactType ?? ("config" in parsed ? parsed.config.mediaType : undefined);
    const { mediaType, digest, sizeBytes } = descriptor;
    return {
      mediaType,
      digest,
      sizeBytes,
      ...(artifactType === undefined ? {} : { artifactType }),
      ...(parsed.annotations === undefined ? {} : { annotations: parsed.annotations }),
    };
  } catch (error) {
    if (isAshlarError(error)) return undefined;
    throw error;
  }
}
