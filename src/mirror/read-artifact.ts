// SPDX-License-Identifier: Apache-2.0
import { AshlarError, type Digest, isAshlarError } from "../base/index.ts";
import { compressorId } from "../formats/index.ts";
import {
  annotationKeys,
  type Descriptor,
  type ImageSource,
  isManifestType,
  type Manifest,
  parseManifest,
  verifyBytes,
} from "../oci/index.ts";
import { packageType, tagOf } from "./package-artifact.ts";

/**
 * Finds the layer of a record's artifact, of which nothing is proven; undefined where the place has none, or one of
 * another compressor. Throws `MIRROR_ARTIFACT`, `OCI_*` and what the place throws.
 */
export async function readArtifact(source: ImageSource, record: Digest): Promise<Descriptor | undefined> {
  const descriptor = await findTag(source, tagOf(record));
  if (descriptor === undefined) return undefined;
  if (!isManifestType(descriptor.mediaType)) throw invalid(record, `its type is "${descriptor.mediaType}"`);
  const bytes = verifyBytes(descriptor, await source.manifest(descriptor));
  const manifest = parseManifest(bytes, descriptor.mediaType);
  const layer = layerOf(manifest, record);
  return manifest.annotations?.[annotationKeys.compressor] === compressorId() ? layer : undefined;
}

async function findTag(source: ImageSource, tag: string): Promise<Descriptor | undefined> {
  try {
    return await source.resolve(tag);
  } catch (error) {
    if (isAshlarError(error, "OCI_IMAGE_MISSING")) return undefined;
    throw error;
  }
}

/** The record's name in the manifest only saves the way: what is taken is proven by its digest. */
function layerOf({ artifactType, annotations, layers }: Manifest, record: Digest): Descriptor {
  const [layer, ...others] = layers;
  if (artifactType !== packageType) throw invalid(record, "its type is not that of a package");
  const named = annotations?.[annotationKeys.packageRecord];
  if (named !== record) throw invalid(record, `it says that it is ${named}`);
  if (layer === undefined || others.length > 0) throw invalid(record, `it has ${layers.length} layers, want one`);
  return layer;
}

function invalid(record: Digest, fault: string): AshlarError {
  return new AshlarError("MIRROR_ARTIFACT", `Cannot take package of record ${record}: ${fault}`);
}
