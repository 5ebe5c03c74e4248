// SPDX-License-Identifier: Apache-2.0
import {
  isSameEntry,
  type RuleCandidate,
  ruleCandidates,
  type TwoContents,
  type TwoRuns,
} from "../assemble/index.ts";
import { comparePaths, type ImagePath } from "../base/index.ts";
import type { Entry, Tree } from "../formats/index.ts";
import { firstByte } from "../layer/index.ts";
import type { Store } from "../store/index.ts";
import type { BuildSide } from "./compare-builds.ts";
import { readImageRecord } from "./record.ts";

/** A path of the root file system that two builds of an image made differently. */
export interface PathDifference {
  /** Full name of the image. */
  readonly image: string;
  readonly platform: string;
  readonly path: ImagePath;
  /** The first byte of the content that differs; absent where another thing does. */
  readonly offset?: number;
  /** e.g. "the content differs", "mode is 0644 and 0600", "only the first build has it". */
  readonly what: string;
  /** What the difference looks like: where a rule of determinism may be missing. */
  readonly candidates: readonly RuleCandidate[];
}

/** A larger file is judged by its path. */
const readMax = 8 << 20;

/** Compares the root file systems of two builds of one image, platform by platform, path by path. */
export function compareRoots(a: BuildSide, b: BuildSide, runs: TwoRuns): readonly PathDifference[] {
  return a.record.images.flatMap(({ platform, record }) => {
    const other = b.record.images.find((one) => one.platform === platform);
    if (other === undefined) return [];
    const left = { store: a.store, tree: rootOf(a.store, record) };
    const right = { store: b.store, tree: rootOf(b.store, other.record) };
    const found = compareTrees(left, right, runs);
    return found.map((difference) => ({ image: a.record.name, platform, ...difference }));
  });
}

function rootOf(store: Store, record: Parameters<typeof readImageRecord>[1]): Tree {
  return store.readTree(readImageRecord(store, record).flat);
}

interface RootSide {
  readonly store: Pick<Store, "read">;
  readonly tree: Tree;
}

type Found = Omit<PathDifference, "image" | "platform">;

/** The paths at which two trees differ, in their order. */
export function compareTrees(a: RootSide, b: RootSide, runs: TwoRuns): readonly Found[] {
  const [left, right] = [byPath(a.tree), byPath(b.tree)];
  const paths = [...new Set([...left.keys(), ...right.keys()])].sort(comparePaths);
  return paths.flatMap((path) => {
    const [x, y] = [left.get(path), right.get(path)];
    if (x !== undefined && y !== undefined && isSameEntry(x, y)) return [];
    const contents = { a: contentOf(a, x), b: contentOf(b, y) };
    const offset = offsetOf(contents);
    const what = whatDiffers(x, y);
    const candidates = ruleCandidates(path, contents, runs);
    return [{ path, ...(offset !== undefined && { offset }), what, candidates }];
  });
}

function byPath(tree: Tree): ReadonlyMap<ImagePath, Entry> {
  return new Map(tree.map((entry) => [entry.path, entry]));
}

function contentOf({ store }: RootSide, entry: Entry | undefined): Uint8Array | undefined {
  if (entry?.type === "file" && entry.sizeBytes <= readMax) {
    return entry.sizeBytes === 0 ? new Uint8Array() : store.read(entry.content);
  }
  return undefined;
}

function offsetOf({ a, b }: TwoContents): number | undefined {
  return a === undefined || b === undefined ? undefined : firstByte(a, b);
}

function whatDiffers(x: Entry | undefined, y: Entry | undefined): string {
  if (x === undefined || y === undefined)
    return `only the ${x === undefined ? "second" : "first"} build has it`;
  if (x.type !== y.type) return `it is a ${x.type} and a ${y.type}`;
  if (x.type === "file" && y.type === "file" && x.content !== y.content) return "the content differs";
  if ("target" in x && "target" in y && x.target !== y.target)
    return `it leads to ${x.target} and ${y.target}`;
  if (x.mode !== y.mode) return `the mode is ${octal(x.mode)} and ${octal(y.mode)}`;
  if (x.uid !== y.uid || x.gid !== y.gid) return `the owner is ${x.uid}:${x.gid} and ${y.uid}:${y.gid}`;
  if (x.mtimeSeconds !== y.mtimeSeconds) return `the time is ${x.mtimeSeconds} and ${y.mtimeSeconds}`;
  return "the extended attributes differ";
}

function octal(mode: number): string {
  return `0${mode.toString(8).padStart(3, "0")}`;
}
