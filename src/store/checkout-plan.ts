// SPDX-License-Identifier: Apache-2.0
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { type Digest, digestFromHex, digestOf, hexOf, type ImagePath, isSystemError } from "../base/index.ts";
import type { Entry, FileEntry, SymlinkEntry, Tree } from "../formats/index.ts";
import type { Owner } from "./entry-meta.ts";
import { type Layout, makeDirs, makeTmpFile, replaceFile } from "./layout.ts";
import { type LinkedEntry, linkName, linkPlace, replicaName, settleEntry } from "./link-farm.ts";
import { sortOut, type TreeParts } from "./tree-parts.ts";

const kind = "plan/v1";

/** The parts of a tree as a plan holds them: what is not a plain link stands in full. */
interface PlanHead extends Omit<TreeParts, "hardlinks" | "ready"> {
  readonly ashlar: typeof kind;
  readonly hardlinks: readonly (readonly [ImagePath, readonly ImagePath[]])[];
}

/**
 * Encodes what a checkout by links of a tree consists of, for one user: the digest of the rest and LF; a line of
 * JSON with directories and all that is no plain link; then place and path of each link, NUL between them.
 */
export function encodePlan(parts: TreeParts, owner: Owner | undefined): Uint8Array {
  const counts = new Map<string, number>();
  const take = (entry: LinkedEntry): string => {
    const name = linkName(settleEntry(entry, owner));
    const replica = counts.get(name) ?? 0;
    counts.set(name, replica + 1);
    return linkPlace(replicaName(name, replica));
  };
  const isPlain = ({ path, xattrs }: LinkedEntry): boolean =>
    xattrs === undefined && isAscii(path) && !parts.hardlinks.has(path);
  const not = (entry: LinkedEntry): boolean => !isPlain(entry);
  const { dirs, specials } = parts;
  const rest = { files: parts.files.filter(not), symlinks: parts.symlinks.filter(not) };
  // The placer counts from 0 for these, and makes them first.
  for (const entry of [...rest.files, ...rest.symlinks]) take(entry);
  const plain = [...parts.files.filter(isPlain), ...parts.symlinks.filter(isPlain)];
  const pairs = plain.flatMap((entry) => [take(entry), entry.path]);
  const head: PlanHead = { ashlar: kind, dirs, ...rest, specials, hardlinks: [...parts.hardlinks] };
  const body = Buffer.from(`${JSON.stringify(head)}\n${pairs.join("\0")}`);
  return Buffer.concat([Buffer.from(`${digestOf(body)}\n`), body]);
}

/** Text of one byte a character is taken apart several times faster. */
function isAscii(path: string): boolean {
  return /^[\x01-\x7f]*$/.test(path);
}

/** Parses a plan; undefined where it is damaged or of another version. `entryOf` stands in the result. */
export function parsePlan(bytes: Buffer, entryOf: (path: string) => LinkedEntry): TreeParts | undefined {
  const [first, second] = [bytes.indexOf(10), bytes.indexOf(10, bytes.indexOf(10) + 1)];
  if (first < 0 || second < 0 || bytes.toString("latin1", 0, first) !== digestOf(bytes.subarray(first + 1))) {
    return undefined;
  }
  const head = JSON.parse(bytes.toString("utf8", first + 1, second)) as PlanHead;
  if (head.ashlar !== kind) return undefined;
  const text = bytes.toString("latin1", second + 1);
  const ready = { pairs: text === "" ? [] : text.split("\0"), entryOf };
  return { ...head, hardlinks: new Map(head.hardlinks), ready };
}

/** The plan that is kept for a tree and a user, or undefined. `readTree` is called when a link has to be made. */
export function readPlan(layout: Layout, { tree, owner, readTree }: PlanKey): TreeParts | undefined {
  let links: Map<string, LinkedEntry> | undefined;
  const entryOf = (path: string): LinkedEntry => {
    links ??= new Map(readTree(tree).filter(isLinked).map((entry) => [entry.path, entry]));
    const entry = links.get(path);
    if (entry === undefined) throw new Error(`internal error: a plan has "${path}" and its tree has not`);
    return entry;
  };
  try {
    return parsePlan(readFileSync(planPath(layout, { tree, owner })), entryOf);
  } catch (error) {
    if (isSystemError(error, "ENOENT")) return undefined;
    throw error;
  }
}

export interface PlanKey {
  readonly tree: Digest;
  readonly owner: Owner | undefined;
  readonly readTree: (digest: Digest) => Tree;
}

function isLinked(entry: Entry): entry is FileEntry | SymlinkEntry {
  return entry.type === "file" || entry.type === "symlink";
}

/** Not synced: what is not whole is not used. */
export function writePlan(layout: Layout, key: Omit<PlanKey, "readTree">, parts: TreeParts): void {
  makeDirs(layout.plans);
  replaceFile(makeTmpFile(layout.tmp, "plan"), planPath(layout, key), encodePlan(parts, key.owner));
}

function planPath(layout: Layout, { tree, owner }: Omit<PlanKey, "readTree">): string {
  return join(layout.plans, owner === undefined ? hexOf(tree) : `${hexOf(tree)}.${owner.uid}.${owner.gid}`);
}

export interface KeptPlan {
  readonly tree?: Digest;
  readonly owner?: Owner;
  readonly path: string;
}

/** The plans that are kept. A file of another name is none: its tree is undefined. */
export function listPlans(layout: Layout): KeptPlan[] {
  if (!existsSync(layout.plans)) return [];
  return readdirSync(layout.plans).sort().map((name) => {
    const path = join(layout.plans, name);
    const match = /^([0-9a-f]{64})(?:\.(\d{1,10})\.(\d{1,10}))?$/.exec(name);
    if (match === null) return { path };
    const tree = digestFromHex(match[1] as string);
    if (match[2] === undefined) return { path, tree };
    return { path, tree, owner: { uid: Number(match[2]), gid: Number(match[3]) } };
  });
}

/** Tells what is wrong with a plan; undefined where it is as its tree says. */
export function planFault(plan: KeptPlan, readTree: PlanKey["readTree"]): string | undefined {
  if (plan.tree === undefined) return "its name is not that of a plan";
  const want = encodePlan(sortOut(readTree(plan.tree)), plan.owner);
  return Buffer.compare(readFileSync(plan.path), want) === 0 ? undefined : "it is not as its tree says";
}
