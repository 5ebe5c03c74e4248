// SPDX-License-Identifier: Apache-2.0
import { inspectTree, type PackageRecord, packageReaches } from "../assemble/index.ts";
import { AshlarError, type Digest, digestOf, type Json, type ProgressStep } from "../base/index.ts";
import { encodeTree, makeTree, type Tree } from "../formats/index.ts";
import type { LockedPackage } from "../lock/index.ts";
import type { Descriptor, ImageSource } from "../oci/index.ts";
import { fetchFiles, readIndexedLayer } from "../pull/index.ts";
import { encodeRecord, inPack, type Store } from "../store/index.ts";
import { takeAction } from "./claim.ts";
import { type Beside, readBeside } from "./package-artifact.ts";
import { readArtifact } from "./read-artifact.ts";

export interface TakeOptions {
  readonly store: Store;
  readonly source: ImageSource;
  /** Takes a package although its missing files are more than its .deb. */
  readonly anySize: boolean;
  /** Requests at a time. */
  readonly parallel: number;
  readonly shown: ProgressStep;
}

/** `absent`: the place has it not; `larger`: what is missing is more than the .deb. */
export type TakeResult = "taken" | "absent" | "larger";

/** The larger a package unpacks, the more a registry that lies could send before it is found out. */
const expansionMax = 50;

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
  const { tree, beside, missing } = await readTables(layer, options);
  const missingBytes = missing.reduce((sum, { frames }) => sum + storedBytesOf(frames), 0);
  if (missingBytes >= sizeBytes * (anySize ? expansionMax : 1)) return "larger";
  const files = missing.map((file) => ({ ...file, blob: layer }));
  // Frames said to be ours are compressed again: only so are they the same on every machine.
  await fetchFiles(files, { ...options, elsewhere: "zstd-elsewhere", isOurs: () => true });
  keepPackage(store, recordOf(store, tree, beside), { tree, claim });
  store.putAction(takeAction(deb, claim), { value: claim, reaches: { records: [claim] } });
  return "taken";
}

function storedBytesOf(frames: readonly { readonly storedBytes: number }[]): number {
  return frames.reduce((sum, { storedBytes }) => sum + storedBytes, 0);
}

interface Tables {
  readonly tree: Tree;
  readonly beside: Beside;
  /** Distinct contents that the store has not. */
  readonly missing: NonNullable<Awaited<ReturnType<typeof readIndexedLayer>>>["missing"];
}

async function readTables(descriptor: Descriptor, { store, source }: TakeOptions): Promise<Tables> {
  const layer = { layer: { descriptor }, isOurs: true, partsHere: () => [] };
  const read = await readIndexedLayer({ store, source, ...layer });
  if (read === undefined) throw invalid("its layer has no index");
  const beside = readBeside(read.parts.at(-1) ?? []);
  if (beside === undefined) throw invalid("its control files and list are not where they should be");
  const missing = new Map(read.missing.map((file) => [file.content, file]));
  return { tree: makeTree(read.parts.slice(0, -1).flat()), beside, missing: [...missing.values()] };
}

/** The record that unpacking makes of these files; what they say of others is looked up in them. */
function recordOf(store: Store, tree: Tree, { control, list }: Beside): PackageRecord {
  const contents = tree.flatMap((entry) => (entry.type === "file" ? [entry.content] : []));
  const lost = [...contents, ...Object.values(control), list].find((content) => !store.has(content));
  if (lost !== undefined) throw invalid(`content ${lost} did not come`);
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
