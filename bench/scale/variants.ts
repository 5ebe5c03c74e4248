// SPDX-License-Identifier: Apache-2.0
import { type Digest, emptyDigest, type Json } from "../../src/base/index.ts";
import type { Entry, FileEntry, Tree } from "../../src/formats/index.ts";
import { digestRef, nameRef, readNamedRecord } from "../../src/image/index.ts";
import type { PackWriter, Reaches, Store } from "../../src/store/index.ts";

/** An image that was built, by its parts. */
export interface Base {
  readonly name: string;
  readonly record: Record<string, Json>;
  readonly reaches: Reaches;
  readonly flat: Tree;
  readonly layers: readonly Layer[];
}

interface Layer {
  readonly name: string;
  readonly directories: Digest;
  readonly blocks: readonly Digest[];
}

export interface VariantOptions {
  readonly number: number;
  /** How many files differ from the base and from all other variants. */
  readonly changedCount: number;
  /** Without names nothing keeps it. */
  readonly named: boolean;
}

/** Reads an image of the store as what variants are made from. */
export function readBase(store: Store, name: string): Base {
  const named = readNamedRecord(store, store.getRef(nameRef(name)) as Digest);
  const { value, reaches } = store.readRecord((named.images[0] as { record: Digest }).record);
  const record = value as Record<string, Json>;
  return {
    name,
    record,
    reaches,
    flat: store.readTree(record["flat"] as Digest),
    layers: record["layers"] as unknown as readonly Layer[],
  };
}

/**
 * Stores an image like the base of which some packages, chosen by the number, are other versions: each of their files
 * is a few hundred bytes of the real one's beginning and a mark of its own. All else of it is as builds make it: a
 * tree a package, the whole tree, manifest, config and record, results of steps, names.
 */
export function putVariant(store: Store, base: Base, { number, changedCount, named }: VariantOptions): void {
  const pack = store.beginPack();
  const { trees, changed } = changePackages(store, pack, { base, number, changedCount });
  const flat = base.flat.map((entry) => changed.get(entry.path) ?? entry);
  const flatTree = store.putTree(flat, pack);
  const mutate = (digest: Json | undefined, more: object): Digest => {
    const document = JSON.parse(Buffer.from(store.read(digest as Digest)).toString()) as object;
    return pack.put(Buffer.from(JSON.stringify({ ...document, ...more }))).digest;
  };
  const manifest = mutate(base.record["manifest"], { annotations: { variant: String(number) } });
  const config = mutate(base.record["config"], { author: String(number) });
  const layers = base.layers.map((layer) => ({
    ...layer,
    blocks: layer.blocks.map((block) => trees.get(block) ?? block),
  }));
  const old = new Set([base.record["flat"], base.record["manifest"], base.record["config"]]);
  const kept = (digests: readonly Digest[] = []): Digest[] => digests.filter((digest) => !old.has(digest));
  const reaches = {
    trees: [...kept(base.reaches.trees).map((tree) => trees.get(tree) ?? tree), flatTree],
    contents: [...kept(base.reaches.contents), manifest, config],
    records: base.reaches.records ?? [],
  };
  const name = `variant/${number}`;
  const value = { ...base.record, name, flat: flatTree, manifest, config, layers } as unknown as Json;
  const record = store.putRecord(value, reaches, pack);
  const images = [{ platform: "linux/amd64", record }];
  const reachesTop = { records: [record], contents: [manifest] };
  const top = store.putRecord({ kind: "named/v1", name, digest: manifest, images }, reachesTop, pack);
  pack.commit();
  const remember = (operation: string, result: Reaches): void =>
    store.putAction({ operation, version: 1, inputs: [manifest] }, { value: { number }, reaches: result });
  remember("bench-image", { records: [record] });
  for (const layer of layers) remember(`bench-layer-${layer.name}`, { trees: [layer.directories, ...layer.blocks] });
  if (!named) return;
  store.setRef(digestRef(name, manifest), top);
  store.setRef(nameRef(name), top);
}

interface Changes {
  /** Old tree to new. */
  readonly trees: ReadonlyMap<Digest, Digest>;
  readonly changed: ReadonlyMap<string, FileEntry>;
}

function changePackages(
  store: Store,
  pack: PackWriter,
  { base, number, changedCount }: { base: Base; number: number; changedCount: number },
): Changes {
  const blocks = [...new Set(base.layers.flatMap((layer) => layer.blocks))];
  const trees = new Map<Digest, Digest>();
  const changed = new Map<string, FileEntry>();
  const paths = new Map(base.flat.map((entry) => [entry.path as string, entry]));
  // A seeded walk over all packages: a step without a common factor meets each once.
  const step = stepFor(blocks.length, number);
  for (let i = 0; i < blocks.length && changed.size < changedCount; i++) {
    const block = blocks[(number + i * step) % blocks.length] as Digest;
    const tree = store.readTree(block);
    const change = (entry: Entry): Entry => {
      if (entry.type !== "file" || entry.content === emptyDigest || changed.size >= changedCount) return entry;
      const own = changeFile(store, pack, { entry, number });
      const flat = paths.get(entry.path);
      if (flat?.type === "file") changed.set(entry.path, { ...flat, content: own.content, sizeBytes: own.sizeBytes });
      return own;
    };
    trees.set(block, store.putTree(tree.map(change), pack));
  }
  return { trees, changed };
}

function stepFor(count: number, number: number): number {
  const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b));
  let step = 1 + ((number * 7919) % Math.max(1, count - 1));
  while (gcd(step, count) !== 1) step++;
  return step;
}

const heads = new Map<Digest, Buffer>();
const headBytes = 200;

interface FileChange {
  readonly entry: FileEntry;
  readonly number: number;
}

function changeFile(store: Store, pack: PackWriter, { entry, number }: FileChange): FileEntry {
  let head = heads.get(entry.content);
  if (head === undefined) {
    head = Buffer.from([...store.stream(entry.content)][0]?.subarray(0, headBytes) ?? []);
    heads.set(entry.content, head);
  }
  const info = pack.put(Buffer.concat([head, Buffer.from(`${number} ${entry.path}`)]));
  return { ...entry, content: info.digest, sizeBytes: info.sizeBytes };
}
