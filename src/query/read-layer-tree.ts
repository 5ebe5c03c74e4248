// SPDX-License-Identifier: Apache-2.0
import { AshlarError, type Digest, type ImagePath, parsePath } from "../base/index.ts";
import { type Entry, makeTree, type Meta, type TarVisitor, type Tree } from "../formats/index.ts";
import { LayerTarParser } from "../layer/index.ts";
import { type Layer, openLayerTar } from "../oci/index.ts";
import { KeptFiles } from "./kept-files.ts";
import { type DirNode, type FileNode, newDir, type Node, NodeBudget } from "./layer-nodes.ts";
import { type FileTaker, LayerReader } from "./layer-reader.ts";
import { mergeLayer } from "./merge-layer.ts";

export interface LayerTree {
  readonly tree: Tree;
  /** The bytes of the files that were asked for. */
  readonly kept: ReadonlyMap<Digest, Uint8Array>;
}

export interface LayerTreeOptions {
  /** Keeps the bytes of these files, up to 16 MiB, also where a higher layer hides them. */
  readonly keep?: ((path: ImagePath, sizeBytes: number) => boolean) | undefined;
  /** Takes the bytes of every regular file, one after the other, before anything is known to be true of them. */
  readonly take?: ((sizeBytes: number) => FileTaker) | undefined;
}

/** Lays layers on one another, the lowest first, whatever way their members are had. */
export class LayerStack {
  readonly #root = newDir();
  readonly #budget = new NodeBudget();
  readonly #kept: KeptFiles;
  readonly #take: LayerTreeOptions["take"];

  constructor(options: LayerTreeOptions = {}) {
    this.#kept = new KeptFiles(options.keep ?? (() => false));
    this.#take = options.take;
  }

  /** Adds a layer whose members `visit` tells in the order of its tar. Errors as `readLayerTree`. */
  async add(
    what: string,
    visit: (visitor: TarVisitor) => Promise<void> | void,
    take: LayerTreeOptions["take"] = this.#take,
  ): Promise<void> {
    const reader = new LayerReader({ lower: this.#root, budget: this.#budget, kept: this.#kept, take, what });
    await visit(reader);
    const fault = mergeLayer(this.#root, reader.root);
    if (fault !== undefined) throw parentError(what, fault);
  }

  result(): LayerTree {
    return { tree: makeTree(flatten(this.#root)), kept: this.#kept.files };
  }
}

/**
 * Reads an image's layers, lowest first, to the one tree a container would see; nothing is written anywhere.
 * Blobs and diffIds are verified. Parents without an entry are directories 0755 of root. Throws `OCI_*`,
 * `FORMATS_*`, `PATH_INVALID`, `QUERY_LAYER_WHITEOUT`, `_HARDLINK`, `_PARENT`, `_TYPE`, `_LIMIT`.
 */
export async function readLayerTree(layers: readonly Layer[], options: LayerTreeOptions = {}): Promise<LayerTree> {
  const stack = new LayerStack(options);
  for (const layer of layers) {
    await stack.add(`layer "${layer.descriptor.digest}"`, (visitor) => readLayer(layer, visitor));
  }
  return stack.result();
}

async function readLayer(layer: Layer, visitor: TarVisitor): Promise<void> {
  const parser = new LayerTarParser(visitor);
  for await (const piece of openLayerTar(layer)) parser.push(piece);
  parser.finish();
}

function parentError(what: string, path: string): AshlarError {
  const message = `Cannot read ${what}: it has files below "/${path}", which a lower layer makes no directory`;
  return new AshlarError("QUERY_LAYER_PARENT", message);
}

const impliedMeta: Meta = { mode: 0o755, uid: 0, gid: 0, mtimeSeconds: 0 };

/** The entries of a finished tree; of several names of a file the first by bytes is the file, the others link to it. */
function flatten(root: DirNode): Entry[] {
  const entries: Entry[] = [];
  const files = new Map<FileNode, Entry[]>();
  const visit = (dir: DirNode, prefix: string): void => {
    for (const [name, node] of dir.children) {
      const entry = entryOf(parsePath(`${prefix}${name}`), node);
      entries.push(entry);
      if (node.type === "dir") visit(node, `${prefix}${name}/`);
      if (node.type !== "file") continue;
      const names = files.get(node);
      if (names === undefined) files.set(node, [entry]);
      else names.push(entry);
    }
  };
  visit(root, "");
  const linked = [...files.values()].filter((names) => names.length > 1);
  if (linked.length === 0) return entries;
  const replaced = new Map(linked.flatMap((names) => linkNames(makeTree(names))));
  return entries.map((entry) => replaced.get(entry) ?? entry);
}

function linkNames(names: Tree): [Entry, Entry][] {
  const [first, ...others] = names as [Entry, ...Entry[]];
  return others.map((entry) => [entry, linkTo(entry, first.path)]);
}

function linkTo(entry: Entry, target: ImagePath): Entry {
  const { path, mode, uid, gid, mtimeSeconds, xattrs } = entry;
  return { type: "hardlink", path, target, mode, uid, gid, mtimeSeconds, ...(xattrs === undefined ? {} : { xattrs }) };
}

function entryOf(path: ImagePath, node: Node): Entry {
  switch (node.type) {
    case "dir":
      return { type: "dir", path, ...(node.meta ?? impliedMeta) };
    case "file":
      return { type: "file", path, ...node.meta, sizeBytes: node.sizeBytes, content: node.content };
    case "symlink":
      return { type: "symlink", path, ...node.meta, target: node.target };
    case "char":
    case "block":
      return { type: node.type, path, ...node.meta, major: node.major, minor: node.minor };
    case "fifo":
      return { type: "fifo", path, ...node.meta };
  }
}
