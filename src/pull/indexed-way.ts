// SPDX-License-Identifier: Apache-2.0
import { digestOf, emptyDigest, limits } from "../base/index.ts";
import { decompressSync, encodeTree, parseTree, type Tree } from "../formats/index.ts";
import {
  type DigestPrefix,
  type IndexPart,
  type LayerIndex,
  parseLayerIndex,
  parseTocNode,
  prefixOf,
  tocBytesMax,
  type TocEntry,
} from "../layer/index.ts";
import { annotationKeys } from "../oci/index.ts";
import { composeAnew, indexFault } from "./compose-anew.ts";
import type { FilesWay, LayerFile, WantedLayer, WantedTables } from "./layer-way.ts";
import { nodesHere } from "./nodes-here.ts";
import { readRange } from "./read-range.ts";
import { treeEntry } from "./toc-tree.ts";

/** Nodes that lie nearer than this are fetched by one request, and at most so many requests. */
const nodeGapBytesMax = 2 << 10;
const nodeSpanCountMax = 3;
/** A table this small, or of which this part is missing, is fetched whole. */
const wholeBytesMax = 4 << 10;
const missingShareMax = 0.5;

interface Section {
  readonly offset: number;
  readonly storedBytes: number;
}

/**
 * The way of a layer that Ashlar composed: an annotation names the trees it is made of, so only those parts of its
 * table of contents are fetched that the store has not, and the layer is composed again. Undefined where the layer has
 * no index. Throws `LAYER_INDEX_INVALID`, `PULL_*` and what reading parts throws: then it is taken another way.
 */
export async function openIndexedWay(wanted: WantedLayer): Promise<FilesWay | undefined> {
  const read = await readIndexedLayer(wanted);
  if (read === undefined) return undefined;
  const { advance, finish } = await composeAnew(wanted, read);
  return { kind: "files", ...read, advance, finish };
}

/** What the index and the table of a layer say. */
export interface IndexedParts {
  readonly hasDirectories: boolean;
  /** The directories where there are any, then the blocks that are not empty. */
  readonly parts: readonly Tree[];
  /** Files that the store has not. */
  readonly missing: readonly LayerFile[];
  /** The parts as encoded trees. */
  readonly tableBytes: number;
}

/**
 * Reads the trees of a layer that Ashlar composed, and where its files lie; undefined and errors as `openIndexedWay`.
 * Nothing of it is proven: whoever knows a digest of a tree holds it against that.
 */
export async function readIndexedLayer(wanted: WantedTables): Promise<IndexedParts | undefined> {
  const { annotations } = wanted.layer.descriptor;
  const text = wanted.isOurs ? annotations?.[annotationKeys.layerIndex] : undefined;
  if (text === undefined) return undefined;
  return new IndexedLayer(wanted, { index: parseLayerIndex(text), toc: tocOf(wanted) }).read();
}

function tocOf({ layer: { descriptor } }: WantedTables): Section {
  const position = descriptor.annotations?.[annotationKeys.chunkedPosition] ?? "";
  const [, offset, storedBytes] = (/^(\d{1,15}):(\d{1,10}):\d{1,10}:1$/.exec(position) ?? []).map(Number);
  const isInside = offset !== undefined && storedBytes !== undefined && offset + storedBytes <= descriptor.sizeBytes;
  if (isInside && storedBytes <= tocBytesMax) return { offset, storedBytes };
  throw indexFault("the position of its table makes no sense");
}


interface Tables {
  readonly index: LayerIndex;
  /** Where the frames of files end, and the table begins. */
  readonly toc: Section;
}

/** A node that must be fetched, and where it lies in the table of contents. */
interface MissingNode extends Section {
  readonly part: number;
  readonly node: number;
}

class IndexedLayer {
  readonly #wanted: WantedTables;
  readonly #tables: Tables;
  /** The entries of each part's nodes. */
  readonly #nodes: (Tree | undefined)[][];
  readonly #missing: LayerFile[] = [];
  /** Parts of which something was fetched: nobody read them as trees yet. */
  readonly #strange = new Set<number>();
  /** Bytes that nodes may still have, uncompressed. */
  #rawBytesLeft = tocBytesMax;
  #treeBytes = 0;

  constructor(wanted: WantedTables, tables: Tables) {
    this.#wanted = wanted;
    this.#tables = tables;
    this.#nodes = tables.index.parts.map(({ nodes }) => nodes.map(() => undefined));
  }

  async read(): Promise<IndexedParts> {
    const { store } = this.#wanted;
    const { index } = this.#tables;
    for (const node of await this.#fetchNodes(this.#lookAround())) this.#take(node);
    const parts = index.parts.map((part, i) => this.#partTree(part, i));
    const missing = this.#missing.filter(({ content }) => !store.has(content));
    return { hasDirectories: index.hasDirectories, parts, missing, tableBytes: this.#treeBytes };
  }

  /** Fills in the nodes that the store has with all their contents; those that are left must be fetched. */
  #lookAround(): MissingNode[] {
    const { index, toc } = this.#tables;
    const here = nodesHere(this.#wanted);
    const missing: MissingNode[] = [];
    let offset = toc.offset + index.headBytes;
    index.parts.forEach((part, i) => {
      const whole = here.part(part);
      part.nodes.forEach(({ prefix, storedBytes }, k) => {
        const other = part.nodes.length > 1 && whole === undefined ? here.node(prefix) : undefined;
        const tree = whole?.[k] ?? other;
        if (tree === undefined) missing.push({ part: i, node: k, offset, storedBytes });
        else (this.#nodes[i] as (Tree | undefined)[])[k] = tree;
        offset += storedBytes;
      });
    });
    if (offset > toc.offset + toc.storedBytes) throw indexFault("its nodes are longer than its table of contents");
    const entries = this.#nodes.flat().reduce((sum, tree) => sum + (tree?.length ?? 0), 0);
    if (entries > limits.entryCountMax) throw indexFault(`it has more than ${limits.entryCountMax} entries`);
    return missing;
  }

  async #fetchNodes(missing: readonly MissingNode[]): Promise<{ node: MissingNode; stored: Uint8Array }[]> {
    const spans = joinNodes(missing, this.#tables.toc);
    const read = await Promise.all(
      spans.map(({ offset, storedBytes }) => readRange(this.#wanted, { offset, sizeBytes: storedBytes })),
    );
    return spans.flatMap((span, i) =>
      span.nodes.map((node) => {
        const at = node.offset - span.offset;
        return { node, stored: (read[i] as Uint8Array).subarray(at, at + node.storedBytes) };
      }),
    );
  }

  #take({ node: { part, node }, stored }: { readonly node: MissingNode; readonly stored: Uint8Array }): void {
    const raw = decompressSync("zstd", stored, { maxBytes: this.#rawBytesLeft, what: "a node of a layer's table" });
    this.#rawBytesLeft -= raw.length;
    this.#strange.add(part);
    const entries = parseTocNode(raw, { dataBytes: this.#tables.toc.offset });
    const tree = entries.map(treeEntry);
    verifyPrefix(encodeTree(tree), this.#tables.index.parts[part]?.nodes[node]);
    (this.#nodes[part] as (Tree | undefined)[])[node] = tree;
    for (const entry of entries) if (hasContent(entry)) this.#missing.push(entry);
  }

  #partTree(part: IndexPart, i: number): Tree {
    const tree = (this.#nodes[i] as Tree[]).flat();
    const bytes = encodeTree(tree);
    verifyPrefix(bytes, part);
    this.#treeBytes += bytes.length;
    return this.#strange.has(i) ? parseTree(bytes) : tree;
  }
}

function hasContent(entry: TocEntry): entry is TocEntry & LayerFile {
  return entry.content !== undefined && entry.content !== emptyDigest;
}

function verifyPrefix(tree: Uint8Array, wanted: { readonly prefix: DigestPrefix } | undefined): void {
  const actual = digestOf(tree);
  if (prefixOf(actual) !== wanted?.prefix) throw indexFault(`a tree has digest ${actual}, want ${wanted?.prefix}...`);
}

interface NodeSpan extends Section {
  readonly nodes: MissingNode[];
}

/** Joins nodes that lie near each other, and more where there would be too many requests. */
function joinNodes(missing: readonly MissingNode[], toc: Section): readonly NodeSpan[] {
  const missingBytes = missing.reduce((sum, { storedBytes }) => sum + storedBytes, 0);
  const isMost = toc.storedBytes <= wholeBytesMax || missingBytes > toc.storedBytes * missingShareMax;
  const gaps = missing.map((node, i) => (i === 0 ? Infinity : node.offset - endOf(missing[i - 1] as MissingNode)));
  const wide = gaps.filter((gap) => gap > nodeGapBytesMax).sort((a, b) => b - a);
  const joined = isMost ? toc.storedBytes : (wide[nodeSpanCountMax] ?? nodeGapBytesMax);
  const spans: NodeSpan[] = [];
  missing.forEach((node, i) => {
    const before = spans.at(-1);
    if (before === undefined || (gaps[i] as number) > joined) spans.push({ ...node, nodes: [node] });
    else {
      before.nodes.push(node);
      spans[spans.length - 1] = { ...before, storedBytes: endOf(node) - before.offset };
    }
  });
  return spans;
}

function endOf({ offset, storedBytes }: Section): number {
  return offset + storedBytes;
}
