// SPDX-License-Identifier: Apache-2.0
import { AshlarError, baseNameOf, type Digest, type ImagePath, limits, parentOf } from "../base/index.ts";
import type { Meta } from "../formats/index.ts";

/** What a path names; a hard link shares the node of its file. */
export type Node = DirNode | FileNode | OtherNode;

export interface DirNode {
  readonly type: "dir";
  /** Undefined where no entry describes the directory, only paths below it. */
  meta: Meta | undefined;
  readonly children: Map<string, Node>;
  /** Names that this layer removes from the layers below; empty in a finished tree. */
  whiteouts: Set<string> | undefined;
  /** This layer hides everything the layers below have here. */
  opaque: boolean;
}

export interface FileNode {
  readonly type: "file";
  readonly meta: Meta;
  sizeBytes: number;
  content: Digest;
}

export type OtherNode =
  | { readonly type: "symlink"; readonly meta: Meta; readonly target: string }
  | { readonly type: "char" | "block"; readonly meta: Meta; readonly major: number; readonly minor: number }
  | { readonly type: "fifo"; readonly meta: Meta };

export function newDir(meta?: Meta): DirNode {
  return { type: "dir", meta, children: new Map(), whiteouts: undefined, opaque: false };
}

/** Real layers hold their directories; one entry without them implies up to 255. */
const impliedDirCountMax = 200_000;

/** Names, targets and attributes together: few archived bytes may say many, and a tree of them is one text. */
const textBytesMax = 96 << 20;

/** What the layers of an image may still make. */
export class NodeBudget {
  #textBytes: number = textBytesMax;
  #entries: number = limits.entryCountMax;
  #impliedDirs: number = impliedDirCountMax;

  spendEntry(): void {
    if (this.#entries-- <= 0) throw overLimit(limits.entryCountMax, "files and directories");
  }

  /** Counts characters as a tree's text has them, where a byte may take six. */
  spendText(...texts: readonly string[]): void {
    for (const text of texts) this.#textBytes -= JSON.stringify(text).length;
    if (this.#textBytes < 0) throw overLimit(textBytesMax, "bytes of names");
  }

  spendImpliedDir(): void {
    if (this.#impliedDirs-- <= 0) throw overLimit(impliedDirCountMax, "directories without an entry");
  }
}

function overLimit(max: number, what: string): AshlarError {
  return new AshlarError("QUERY_LAYER_LIMIT", `Cannot read image: its layers have more than ${max} ${what}`);
}

/** The components of a path. */
export function componentsOf(path: ImagePath | undefined): string[] {
  return path === undefined ? [] : path.split("/");
}

/** The directory at a path, made with its parents where it is not there; undefined where a parent is no directory. */
export function makeDirs(root: DirNode, path: ImagePath | undefined, budget: NodeBudget): DirNode | undefined {
  let dir = root;
  for (const name of componentsOf(path)) {
    let child = dir.children.get(name);
    if (child === undefined) {
      budget.spendImpliedDir();
      child = newDir();
      dir.children.set(name, child);
    }
    if (child.type !== "dir") return undefined;
    dir = child;
  }
  return dir;
}

export interface NodeToPut {
  readonly node: Node;
  readonly budget: NodeBudget;
}

/** Puts a node at a path of one layer; the last of several wins, and a directory keeps what is in it. */
export function putNode(root: DirNode, path: ImagePath, { node, budget }: NodeToPut): boolean {
  budget.spendEntry();
  const dir = makeDirs(root, parentOf(path), budget);
  if (dir === undefined) return false;
  const name = baseNameOf(path);
  const present = dir.children.get(name);
  if (node.type === "dir" && present?.type === "dir") present.meta = node.meta;
  else dir.children.set(name, node);
  return true;
}

/** Tells whether a node of the upper layer hides a name below it. */
function hides(above: Node | undefined, name: string): boolean {
  if (above?.type !== "dir") return above !== undefined;
  return above.opaque || above.whiteouts?.has(name) === true;
}

/** What a path names where `upper` lies on `lower`, counting what `upper` hides so far. */
export function findNode(lower: DirNode, upper: DirNode, path: ImagePath): Node | undefined {
  let [below, above]: [Node | undefined, Node | undefined] = [lower, upper];
  for (const name of componentsOf(path)) {
    below = hides(above, name) || below?.type !== "dir" ? undefined : below.children.get(name);
    above = above?.type === "dir" ? above.children.get(name) : undefined;
  }
  const isImplied = above?.type === "dir" && above.meta === undefined;
  return above === undefined || (isImplied && below !== undefined) ? below : above;
}
