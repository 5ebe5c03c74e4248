// SPDX-License-Identifier: Apache-2.0
import { type PackageRecord, packageReaches } from "../assemble/index.ts";
import { AshlarError, type Digest, digestOf, emptyDigest, type Json, type ProgressStep } from "../base/index.ts";
import { encodeTree, makeTree, type Tree } from "../formats/index.ts";
import type { LockedPackage } from "../lock/index.ts";
import type { Descriptor, ImageSource } from "../oci/index.ts";
import { fetchFiles, readIndexedLayer } from "../pull/index.ts";
import { inPack, type Store } from "../store/index.ts";
import { takeAction } from "./claim.ts";
import { besideContents } from "./package-artifact.ts";
import { readArtifact } from "./read-artifact.ts";

export interface TakeOptions {
  readonly store: Store;
  readonly source: ImageSource;
  /** Requests at a time. */
  readonly parallel: number;
  readonly shown: ProgressStep;
}

/** `absent`: the place has it not; `larger`: what is missing is more than the .deb. */
export type TakeResult = "taken" | "absent" | "larger";

/**
 * Takes a package by its missing files and remembers it as what the lock says. Everything is proven by the record's
 * digest: the tree, the control files and, by the tree, all contents. Throws `MIRROR_*`, `PULL_*`, `LAYER_*`, `OCI_*`,
 * what reading tables and frames throws, and what the place throws; what came stays in the store.
 */
export async function takePackage(
  { digest: deb, sizeBytes }: LockedPackage,
  claim: Digest,
  options: TakeOptions,
): Promise<TakeResult> {
  const { store, source } = options;
  const found = await readArtifact(source, claim);
  if (found === undefined) return "absent";
  const { tree, missing } = await readTables(found.layer, found.record, options);
  if (missing.reduce((sum, { frames }) => sum + storedBytesOf(frames), 0) >= sizeBytes) return "larger";
  const files = missing.map((file) => ({ ...file, blob: found.layer }));
  // Frames said to be ours are compressed again: only so are they the same on every machine.
  await fetchFiles(files, { ...options, elsewhere: "zstd-elsewhere", isOurs: () => true });
  keepPackage(store, found.record, tree);
  store.putAction(takeAction(deb, claim), { value: claim, reaches: { records: [claim] } });
  return "taken";
}

function storedBytesOf(frames: readonly { readonly storedBytes: number }[]): number {
  return frames.reduce((sum, { storedBytes }) => sum + storedBytes, 0);
}

type Tables = NonNullable<Awaited<ReturnType<typeof readIndexedLayer>>>;

/** The package's tree, proven, and the distinct files that the store has not. */
async function readTables(
  layer: Descriptor,
  record: PackageRecord,
  { store, source }: TakeOptions,
): Promise<{ readonly tree: Tree; readonly missing: Tables["missing"] }> {
  const blob = { layer: { descriptor: layer }, isOurs: true, partsHere: () => [] };
  const read = await readIndexedLayer({ store, source, ...blob });
  if (read === undefined) throw invalid("its layer has no index");
  const beside = contentsOf(read.parts.at(-1) ?? []);
  const lost = [...besideContents(record)].find((content) => content !== emptyDigest && !beside.has(content));
  if (lost !== undefined) throw invalid(`content ${lost} of its control files or list is not in its layer`);
  const tree = makeTree(read.parts.slice(0, -1).flat());
  const actual = digestOf(encodeTree(tree));
  if (actual !== record.tree) throw invalid(`its tree has digest ${actual}, want ${record.tree}`);
  const wanted = new Set([...contentsOf(tree), ...besideContents(record)]);
  const distinct = new Map(read.missing.map((file) => [file.content, file]));
  return { tree, missing: [...distinct.values()].filter(({ content }) => wanted.has(content)) };
}

function contentsOf(tree: Tree): ReadonlySet<Digest> {
  return new Set(tree.flatMap((entry) => (entry.type === "file" ? [entry.content] : [])));
}

/** Puts tree and record beside the contents, which are all here now. */
function keepPackage(store: Store, record: PackageRecord, tree: Tree): void {
  const lost = [...contentsOf(tree), ...besideContents(record)].find((content) => !store.has(content));
  if (lost !== undefined) throw invalid(`content ${lost} did not come`);
  inPack(store, (pack) => {
    store.putTree(tree, pack);
    store.putRecord(record as unknown as Json, packageReaches(record), pack);
  });
}

function invalid(fault: string): AshlarError {
  return new AshlarError("MIRROR_ARTIFACT", `Cannot take package: ${fault}`);
}
