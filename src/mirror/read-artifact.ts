// SPDX-License-Identifier: Apache-2.0
import type { PackageRecord } from "../assemble/index.ts";
import { AshlarError, type Digest, isAshlarError, limits } from "../base/index.ts";
import { compressorId } from "../formats/index.ts";
import {
  annotationKeys,
  type Descriptor,
  type ImageSource,
  isManifestType,
  type Manifest,
  parseManifest,
  verifyBlob,
  verifyBytes,
} from "../oci/index.ts";
import { packageTypes, tagOf } from "./package-artifact.ts";
import { parsePackageRecord } from "./package-record.ts";

/** A package that a place has: its record, which is the one asked for, and a layer of which nothing is proven. */
export interface FoundPackage {
  readonly record: PackageRecord;
  readonly layer: Descriptor;
}

/**
 * Finds the artifact of a record; undefined where the place has none, or one of another compressor. Throws
 * `MIRROR_ARTIFACT`, `MIRROR_RECORD`, `OCI_*`, `STORE_RECORD_INVALID` and what the place throws.
 */
export async function readArtifact(source: ImageSource, record: Digest): Promise<FoundPackage | undefined> {
  const descriptor = await findTag(source, tagOf(record));
  if (descriptor === undefined) return undefined;
  if (!isManifestType(descriptor.mediaType)) throw invalid(record, `its type is "${descriptor.mediaType}"`);
  const bytes = verifyBytes(descriptor, await source.manifest(descriptor));
  const manifest = parseManifest(bytes, descriptor.mediaType);
  const layer = layerOf(manifest, record);
  if (manifest.annotations?.[annotationKeys.compressor] !== compressorId()) return undefined;
  return { record: parsePackageRecord(await readBlob(source, manifest.config)), layer };
}

async function findTag(source: ImageSource, tag: string): Promise<Descriptor | undefined> {
  try {
    return await source.resolve(tag);
  } catch (error) {
    if (isAshlarError(error, "OCI_IMAGE_MISSING")) return undefined;
    throw error;
  }
}

function layerOf({ artifactType, config, layers }: Manifest, record: Digest): Descriptor {
  const [layer, ...others] = layers;
  if (artifactType !== packageTypes.artifact) throw invalid(record, "its type is not that of a package");
  if (config.digest !== record) throw invalid(record, `it is that of ${config.digest}`);
  if (layer === undefined || others.length > 0) throw invalid(record, `it has ${layers.length} layers, want one`);
  return layer;
}

async function readBlob(source: ImageSource, descriptor: Descriptor): Promise<Uint8Array> {
  if (descriptor.sizeBytes > limits.textBytesMax) throw invalid(descriptor.digest, "its record is too large");
  const pieces: Uint8Array[] = [];
  for await (const piece of verifyBlob(descriptor, source.blob(descriptor))) pieces.push(Uint8Array.from(piece));
  return Buffer.concat(pieces);
}

function invalid(record: Digest, fault: string): AshlarError {
  return new AshlarError("MIRROR_ARTIFACT", `Cannot take package of record ${record}: ${fault}`);
}
