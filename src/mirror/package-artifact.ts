// SPDX-License-Identifier: Apache-2.0
import type { PackageRecord } from "../assemble/index.ts";
import { AshlarError, type Digest, hexOf, parsePath } from "../base/index.ts";
import { compressorId, type Entry, loadCompressor, makeTree, type Tree } from "../formats/index.ts";
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

/** What marks a manifest as a package, and its config as the record of one. */
export const packageTypes = {
  artifact: "application/vnd.ashlar.package.v1",
  record: "application/vnd.ashlar.package.record.v1+json",
} as const;

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
 * Makes the artifact of a package: its record as config, its files as one zstd:chunked layer. The same bytes on every
 * machine. (docs/mirror.md)
 */
export async function describePackage(store: Store, { locked, record }: PackageHere): Promise<PackageArtifact> {
  const maker = { store, compressor: loadCompressor };
  const plan = planPackage(store, store.readRecord(record).value as unknown as PackageRecord);
  const layer = await describeLayer(plan, "zstd:chunked", maker);
  const config = store.read(record);
  const { mediaType, digest, sizeBytes, annotations } = layer;
  const manifest = encodeManifest({
    mediaType: mediaTypes.manifest,
    artifactType: packageTypes.artifact,
    config: describeBytes(packageTypes.record, config),
    layers: [{ mediaType, digest, sizeBytes, annotations }],
    annotations: {
      [annotationKeys.title]: `${locked.name}_${locked.version}_${locked.architecture}`,
      [annotationKeys.packageDeb]: locked.digest,
      [annotationKeys.compressor]: compressorId(),
    },
  });
  const descriptor = describeBytes(mediaTypes.manifest, manifest);
  const source = artifactSource({ descriptor, manifest, config, record }, () => openLayer(plan, layer, maker));
  return { tag: tagOf(record), descriptor, source };
}

/** The package's directories, its other entries, and last its control files and list. */
function planPackage(store: Store, record: PackageRecord): ComposedPlan {
  const { directories, rest } = splitDirectories(store.readTree(record.tree));
  const beside = besideTree(store, record);
  return inPack(store, (pack) => ({
    name: "package",
    directories: store.putTree(directories, pack),
    blocks: [rest, beside].map((block) => store.putTree(block, pack)),
    form: "zstd:chunked",
  }));
}

/** What a package has beside its files. */
export function besideContents({ control, list }: PackageRecord): ReadonlySet<Digest> {
  return new Set([...Object.values(control), list]);
}

const meta = { mode: 0o444, uid: 0, gid: 0, mtimeSeconds: 0 };

/** One file for each content, named by it: which is which, the record says. */
function besideTree(store: Store, record: PackageRecord): Tree {
  const infos = store.infos(besideContents(record));
  return makeTree(
    [...infos.values()].map(({ digest: content, sizeBytes }): Entry => {
      return { ...meta, type: "file", path: parsePath(`.ashlar/${hexOf(content)}`), content, sizeBytes };
    }),
  );
}

interface Documents {
  readonly descriptor: Descriptor;
  readonly manifest: Uint8Array;
  readonly config: Uint8Array;
  readonly record: Digest;
}

function artifactSource(
  { descriptor, manifest, config, record }: Documents,
  open: () => AsyncIterable<Uint8Array>,
): ImageSource {
  return {
    resolve: async () => descriptor,
    async manifest({ digest }) {
      if (digest === descriptor.digest) return manifest;
      throw new AshlarError("OCI_BLOB_MISSING", `Cannot read manifest "${digest}": not of this package`);
    },
    async *blob({ digest }) {
      if (digest === record) yield config;
      else yield* open();
    },
  };
}
