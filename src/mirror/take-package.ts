// SPDX-License-Identifier: Apache-2.0
import { inspectTree, type PackageRecord, packageReaches } from "../assemble/index.ts";
import { AshlarError, type Digest, digestOf, type Json, type ProgressStep } from "../base/index.ts";
import { encodeTree, makeTree, type Tree } from "../formats/index.ts";
import type { LockedPackage } from "../lock/index.ts";
import { annotationKeys, type Descriptor, type ImageSource } from "../oci/index.ts";
import { fetchFiles, readIndexedLayer } from "../pull/index.ts";
import { encodeRecord, inPack, type Store } from "../store/index.ts";
import { type Beside, parseBeside } from "./beside-tree.ts";
import { takeAction } from "./claim.ts";
import { joinTimes } from "./entry-times.ts";
import { readArtifact } from "./read-artifact.ts";

export interface TakeOptions {
  readonly store: Store;
  readonly source: ImageSource;
  /** Takes a package although its missing files are more than its .deb. */
  readonly anySize: boolean;
  /** Trees that layers of the store's images are made of: what is equal in them need not be fetched. */
  readonly partsHere: () => Iterable<Digest>;
  /** Requests at a time. */
  readonly parallel: number;
  readonly shown: ProgressStep;
}

/** `absent`: the place has it not; `larger`: what is missing is more than the .deb. */
export type TakeResult = "taken" | "absent" | "larger";

/** The larger a package unpacks, the more a registry that lies could send before it is found out. */
const expansionMax = 50;
/** Tables have a fifth of a .deb's bytes and less, but for the smallest. */
const tableBytesFree = 64 << 10;

/**
 * Takes a package by its missing files and remembers it as what the lock says. What came is made into a record again,
 * as unpacking would make it, and that record's digest must be the lock's: it names the tree, and by it all contents,
 * the control files and the list. Throws `MIRROR_*`, `PULL_*`, `LAYER_*`, `OCI_*`, what reading tables and frames
 * throws, and what the place throws; what came stays in the store.
 */
export async function takePackage(
  { digest: deb, sizeBytes }: LockedPackage,
  claim: Digest,
  options: TakeOptions,
): Promise<TakeResult> {
  const { store, source, anySize } = options;
  const layer = await readArtifact(source, claim);
  if (layer === undefined) return "absent";
  if (tableBytesOf(layer) > sizeBytes + tableBytesFree) return "larger";
  const { timeless, beside, missing } = await readTables(layer, options);
  const missingBytes = missing.reduce((sum, { frames }) => sum + storedBytesOf(frames), 0);
  if (missingBytes >= sizeBytes * (anySize ? expansionMax : 1)) return "larger";
  const files = missing.map((file) => ({ ...file, blob: layer }));
  // Layers are made of them next, so they are compressed anew now, beside the downloads.
  await fetchFiles(files, { ...options, madeBy: () => undefined });
  const tree = restoreTree(store, timeless, beside);
  keepPackage(store, recordOf(store, tree, beside), { tree, claim });
  store.putAction(takeAction(deb, claim), { value: claim, reaches: { records: [claim] } });
  return "taken";
}

/** As the layer's annotation says it; 0 where it says nothing that makes sense, which is found out later. */
function tableBytesOf({ annotations }: Descriptor): number {
  return Number(/^\d+:(\d+):/.exec(annotations?.[annotationKeys.chunkedPosition] ?? "")?.[1] ?? 0);
}

function storedBytesOf(frames: readonly { readonly storedBytes: number }[]): number {
  return frames.reduce((sum, { storedBytes }) => sum + storedBytes, 0);
}

interface Tables {
  /** The package's tree without its times. */
  readonly timeless: Tree;
  readonly beside: Beside;
  /** Distinct contents that the store has not. */
  readonly missing: NonNullable<Awaited<ReturnType<typeof readIndexedLayer>>>["missing"];
}

async function readTables(descriptor: Descriptor, { store, source, partsHere }: TakeOptions): Promise<Tables> {
  const layer = { layer: { descriptor }, isOurs: true, partsHere };
  const read = await readIndexedLayer({ store, source, ...layer });
  if (read === undefined) throw invalid("its layer has no index");
  const beside = parseBeside(read.parts.at(-1) ?? []);
  if (beside === undefined) throw invalid("its control files and list are not where they should be");
  const missing = new Map(read.missing.map((file) => [file.content, file]));
  return { timeless: makeTree(read.parts.slice(0, -1).flat()), beside, missing: [...missing.values()] };
}

function restoreTree(store: Store, timeless: Tree, { control, list, times }: Beside): Tree {
  const contents = timeless.flatMap((entry) => (entry.type === "file" ? [entry.content] : []));
  const lost = [...contents, ...Object.values(control), list, times].find((content) => !store.has(content));
  if (lost !== undefined) throw invalid(`content ${lost} did not come`);
  return joinTimes({ timeless, times: store.read(times) });
}

/** The record that unpacking makes of these files; what they say of others is looked up in them. */
function recordOf(store: Store, tree: Tree, { control, list }: Beside): PackageRecord {
  const facts = inspectTree(store, tree);
  return { kind: "package/v1", tree: digestOf(encodeTree(tree)), control, list, facts };
}

function keepPackage(
  store: Store,
  record: PackageRecord,
  { tree, claim }: { readonly tree: Tree; readonly claim: Digest },
): void {
  const [value, reaches] = [record as unknown as Json, packageReaches(record)];
  const actual = digestOf(encodeRecord(value, reaches));
  if (actual !== claim) throw invalid(`its files make record ${actual}, want ${claim}`);
  inPack(store, (pack) => {
    store.putTree(tree, pack);
    store.putRecord(value, reaches, pack);
  });
}

function invalid(fault: string): AshlarError {
  return new AshlarError("MIRROR_ARTIFACT", `Cannot take package: ${fault}`);
}
