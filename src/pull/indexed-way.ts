// SPDX-License-Identifier: Apache-2.0
import { AshlarError, type Digest, digestOf, emptyDigest, isDigest } from "../base/index.ts";
import { decompressSync, encodeTree, loadCompressor, type Tree } from "../formats/index.ts";
import {
  type ComposedPlan,
  describeLayer,
  type IndexPart,
  type LayerIndex,
  parseLayerIndex,
  parseTocNode,
  tocBytesMax,
  type TocEntry,
} from "../layer/index.ts";
import { annotationKeys } from "../oci/index.ts";
import type { FilesWay, LayerFile, WantedLayer } from "./layer-way.ts";
import { nodesHere } from "./nodes-here.ts";
import { readRange } from "./read-range.ts";
import { treeEntry } from "./toc-tree.ts";

/** The index and the table of a small layer are fetched at once. */
const atOnceBytesMax = 8 << 10;
/** Nodes that lie nearer than this are fetched by one request, and at most so many requests. */
const nodeGapBytesMax = 512;
const nodeSpanCountMax = 3;

interface Section {
  readonly offset: number;
  readonly storedBytes: number;
}

/**
 * The way of a layer that Ashlar composed: its index names the trees it is made of, so only those parts of its table
 * of contents are fetched that the store has not, and the layer is composed again. Undefined where the layer has no
 * index. Throws `LAYER_INDEX_INVALID`, `PULL_*` and what reading parts throws: then it is taken another way.
 */
export async function openIndexedWay(wanted: WantedLayer): Promise<FilesWay | undefined> {
  const place = wanted.isOurs ? placeOf(wanted) : undefined;
  if (place === undefined) return undefined;
  const { index, toc, digest } = place;
  const first = await readRange(wanted, { offset: index.offset, sizeBytes: firstBytes(place) });
  const bytes = first.subarray(0, index.storedBytes);
  if (digestOf(bytes) !== digest) throw fault(`its index has digest ${digestOf(bytes)}, want ${digest}`);
  const known = first.subarray(Math.min(first.length, toc.offset - index.offset));
  return new IndexedLayer(wanted, { index: parseLayerIndex(bytes), toc, dataBytes: index.offset }, known).open();
}

interface Place {
  readonly index: Section;
  readonly toc: Section;
  readonly digest: Digest;
}

function placeOf({ layer: { descriptor } }: WantedLayer): Place | undefined {
  const text = descriptor.annotations?.[annotationKeys.layerIndex];
  const position = descriptor.annotations?.[annotationKeys.chunkedPosition];
  if (text === undefined || position === undefined) return undefined;
  const [, at, length, digest = ""] = /^(\d{1,15}):(\d{1,10}):(sha256:[0-9a-f]{64})$/.exec(text) ?? [];
  const [, tocAt, tocLength] = /^(\d{1,15}):(\d{1,10}):\d{1,10}:1$/.exec(position) ?? [];
  const index = { offset: Number(at), storedBytes: Number(length) };
  const toc = { offset: Number(tocAt), storedBytes: Number(tocLength) };
  const isSane =
    isDigest(digest) &&
    index.storedBytes <= tocBytesMax &&
    toc.storedBytes <= tocBytesMax &&
    index.offset + index.storedBytes <= toc.offset &&
    toc.offset + toc.storedBytes <= descriptor.sizeBytes;
  if (isSane) return { index, toc, digest };
  throw fault("the positions of its index and table make no sense");
}

function firstBytes({ index, toc }: Place): number {
  const both = toc.offset + toc.storedBytes - index.offset;
  return both <= atOnceBytesMax ? both : index.storedBytes;
}

function fault(what: string): AshlarError {
  return new AshlarError("PULL_INDEX", `Cannot read the index of a layer: ${what}`);
}

interface Tables {
  readonly index: LayerIndex;
  readonly toc: Section;
  /** Where the frames of files end. */
  readonly dataBytes: number;
}

/** A node that must be fetched, and where it lies in the table of contents. */
interface MissingNode extends Section {
  readonly part: number;
  readonly node: number;
}

class IndexedLayer {
  readonly #wanted: WantedLayer;
  readonly #tables: Tables;
  /** The beginning of the table of contents, as far as it came along. */
  readonly #known: Uint8Array;
  /** The entries of each part's nodes. */
  readonly #nodes: (Tree | undefined)[][];
  readonly #missing: LayerFile[] = [];

  constructor(wanted: WantedLayer, tables: Tables, known: Uint8Array) {
    this.#wanted = wanted;
    this.#tables = tables;
    this.#known = known;
    this.#nodes = tables.index.parts.map(({ nodes }) => nodes.map(() => undefined));
  }

  async open(): Promise<FilesWay> {
    const { store } = this.#wanted;
    for (const node of await this.#fetchNodes(this.#lookAround())) this.#take(node);
    const parts = this.#tables.index.parts.map((part, i) => this.#partTree(part, i));
    return {
      kind: "files",
      missing: this.#missing.filter(({ content }) => !store.has(content)),
      finish: () => this.#finish(parts),
    };
  }

  /** Fills in the nodes that the store has with all their contents; those that are left must be fetched. */
  #lookAround(): MissingNode[] {
    const { index, toc } = this.#tables;
    const here = nodesHere(this.#wanted);
    const missing: MissingNode[] = [];
    let offset = toc.offset + index.headBytes;
    index.parts.forEach((part, i) => {
      const whole = here.part(part);
      part.nodes.forEach(({ digest, storedBytes }, k) => {
        const other = part.nodes.length > 1 && whole === undefined ? here.node(digest) : undefined;
        const tree = whole?.[k] ?? other;
        if (tree === undefined) missing.push({ part: i, node: k, offset, storedBytes });
        else (this.#nodes[i] as (Tree | undefined)[])[k] = tree;
        offset += storedBytes;
      });
    });
    if (offset > toc.offset + toc.storedBytes) throw fault("its nodes are longer than its table of contents");
    return missing;
  }

  async #fetchNodes(missing: readonly MissingNode[]): Promise<{ node: MissingNode; stored: Uint8Array }[]> {
    const spans = joinSections(missing);
    const read = await Promise.all(spans.map((span) => this.#read(span)));
    return spans.flatMap((span, i) =>
      span.nodes.map((node) => {
        const at = node.offset - span.offset;
        return { node, stored: (read[i] as Uint8Array).subarray(at, at + node.storedBytes) };
      }),
    );
  }

  async #read({ offset, storedBytes }: Section): Promise<Uint8Array> {
    const at = offset - this.#tables.toc.offset;
    if (at + storedBytes <= this.#known.length) return this.#known.subarray(at, at + storedBytes);
    return readRange(this.#wanted, { offset, sizeBytes: storedBytes });
  }

  #take({ node: { part, node }, stored }: { readonly node: MissingNode; readonly stored: Uint8Array }): void {
    const raw = decompressSync("zstd", stored, { maxBytes: tocBytesMax, what: "a node of a layer's table" });
    const entries = parseTocNode(raw, { dataBytes: this.#tables.dataBytes });
    const tree = entries.map(treeEntry);
    const wanted = this.#tables.index.parts[part]?.nodes[node]?.digest;
    const actual = digestOf(encodeTree(tree));
    if (actual !== wanted) throw fault(`a node has digest ${actual}, want ${wanted}`);
    (this.#nodes[part] as (Tree | undefined)[])[node] = tree;
    for (const entry of entries) if (hasContent(entry)) this.#missing.push(entry);
  }

  #partTree(part: IndexPart, i: number): Tree {
    const tree = (this.#nodes[i] as Tree[]).flat();
    const actual = digestOf(encodeTree(tree));
    if (actual === part.digest) return tree;
    throw fault(`a part has digest ${actual}, want ${part.digest}`);
  }

  /** Composes the layer anew: when the blob is the same to the byte, everything in it is what was published. */
  async #finish(parts: readonly Tree[]): Promise<ComposedPlan> {
    const { store, layer, name } = this.#wanted;
    const [directories = [], ...blocks] = this.#tables.index.hasDirectories ? parts : [[], ...parts];
    const pack = store.beginPack();
    try {
      const plan: ComposedPlan = {
        name,
        directories: store.putTree(directories, pack),
        blocks: blocks.map((block) => store.putTree(block, pack)),
        form: "zstd:chunked",
      };
      pack.commit();
      const made = await describeLayer(plan, "zstd:chunked", { store, compressor: loadCompressor });
      if (made.digest === layer.descriptor.digest && made.diffId === layer.diffId) return plan;
      throw fault(`composed anew it has digest ${made.digest}, want ${layer.descriptor.digest}`);
    } finally {
      pack.abort();
    }
  }
}

function hasContent(entry: TocEntry): entry is TocEntry & LayerFile {
  return entry.content !== undefined && entry.content !== emptyDigest;
}

interface NodeSpan extends Section {
  readonly nodes: readonly MissingNode[];
}

/** Joins nodes that lie near each other, and more where there would be too many requests. */
function joinSections(missing: readonly MissingNode[]): readonly NodeSpan[] {
  const gaps = missing.map((node, i) => (i === 0 ? Infinity : node.offset - endOf(missing[i - 1] as MissingNode)));
  const widest = gaps.filter((gap) => gap > nodeGapBytesMax).sort((a, b) => b - a)[nodeSpanCountMax] ?? nodeGapBytesMax;
  const spans: NodeSpan[] = [];
  missing.forEach((node, i) => {
    const before = spans.at(-1);
    if (before === undefined || (gaps[i] as number) > widest) spans.push({ ...node, nodes: [node] });
    else {
      const storedBytes = endOf(node) - before.offset;
      spans[spans.length - 1] = { offset: before.offset, storedBytes, nodes: [...before.nodes, node] };
    }
  });
  return spans;
}

function endOf({ offset, storedBytes }: Section): number {
  return offset + storedBytes;
}
