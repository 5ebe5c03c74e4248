// SPDX-License-Identifier: Apache-2.0
import type { PackageRecord } from "../assemble/index.ts";
import { AshlarError, type Digest, hexOf } from "../base/index.ts";
import { compressorId, loadCompressor } from "../formats/index.ts";
import { type ComposedPlan, describeLayer, openLayer, splitDirectories } from "../layer/index.ts";
import type { LockedPackage } from "../lock/index.ts";
import {
  annotationKeys,
  describeBytes,
  type Descriptor,
  encodeManifest,
  type ImageSource,
  mediaTypes,
} from "../oci/index.ts";
import { inPack, type Store } from "../store/index.ts";
import { encodeBeside } from "./beside-tree.ts";
import { splitTimes } from "./entry-times.ts";

/** What marks a manifest as a package. */
export const packageType = "application/vnd.ashlar.package.v1";

/** A config that says nothing (OCI image-spec v1.1, manifest.md, "Guidance for an Empty Descriptor"). */
const emptyConfig = Buffer.from("{}");
const emptyType = "application/vnd.oci.empty.v1+json";

/** A package that was unpacked here. */
export interface PackageHere {
  readonly locked: LockedPackage;
  readonly record: Digest;
}

/** A package as a registry holds it. */
export interface PackageArtifact {
  readonly tag: string;
  /** Of its manifest. */
  readonly descriptor: Descriptor;
  /** Holds nothing else. */
  readonly source: ImageSource;
}

/** The tag under which a record's artifact is found. */
export function tagOf(record: Digest): string {
  return `unpacked-${hexOf(record)}`;
}

/**
 * Makes the artifact of a package, one zstd:chunked layer with all that its record names: the same bytes on every
 * machine. (docs/formats/package.md)
 */
export async function describePackage(store: Store, { locked, record }: PackageHere): Promise<PackageArtifact> {
  const maker = { store, compressor: loadCompressor };
  const plan = planPackage(store, store.readRecord(record).value as unknown as PackageRecord);
  const layer = await describeLayer(plan, "zstd:chunked", maker);
  const { mediaType, digest, sizeBytes, annotations } = layer;
  const manifest = encodeManifest({
    mediaType: mediaTypes.manifest,
    artifactType: packageType,
    config: describeBytes(emptyType, emptyConfig),
    layers: [{ mediaType, digest, sizeBytes, annotations }],
    annotations: {
      [annotationKeys.title]: `${locked.name}_${locked.version}_${locked.architecture}`,
      [annotationKeys.packageDeb]: locked.digest,
      [annotationKeys.packageRecord]: record,
      [annotationKeys.compressor]: compressorId(),
    },
  });
  const descriptor = describeBytes(mediaTypes.manifest, manifest);
  const source = artifactSource(descriptor, manifest, () => openLayer(plan, layer, maker));
  return { tag: tagOf(record), descriptor, source };
}

/** The package's directories and its other entries, all of time 0, and last what it has beside. */
function planPackage(store: Store, record: PackageRecord): ComposedPlan {
  const { timeless, times } = splitTimes(store.readTree(record.tree));
  const { directories, rest } = splitDirectories(timeless);
  return inPack(store, (pack) => {
    const beside = encodeBeside(store, { ...record, times: pack.put(times).digest }, times.length);
    return {
      name: "package",
      directories: store.putTree(directories, pack),
      blocks: [rest, beside].map((block) => store.putTree(block, pack)),
      form: "zstd:chunked",
    };
  });
}

function artifactSource(
  descriptor: Descriptor,
  manifest: Uint8Array,
  open: () => AsyncIterable<Uint8Array>,
): ImageSource {
  const config = describeBytes(emptyType, emptyConfig);
  return {
    resolve: async () => descriptor,
    async manifest({ digest }) {
      if (digest === descriptor.digest) return manifest;
      throw new AshlarError("OCI_BLOB_MISSING", `Cannot read manifest "${digest}": not of this package`);
    },
    async *blob({ digest }) {
      if (digest === config.digest) yield emptyConfig;
      else yield* open();
    },
  };
}
