// SPDX-License-Identifier: Apache-2.0
import { baseNameOf, digestOf, type ImagePath, parentOf } from "../../src/base/index.ts";
import { type Compressor, encodeTree, type Entry } from "../../src/formats/index.ts";
import { cutPart } from "./cut.ts";
import { type NodeForm, nodeBytes } from "./encode-node.ts";
import { type Cost, missingLayers, nodeRequestCountMax } from "./forms.ts";
import { planRanges, sideBySide, type Step } from "./ranges.ts";
import type { MeasuredImage, MeasuredLayer, PlacedEntry } from "./read-image.ts";

export interface DirectoryForm {
  readonly meanCount: number;
  readonly node: NodeForm;
  /** An index of all nodes comes first, and all missing ones at once; else level by level. */
  readonly index: boolean;
}

interface Node {
  readonly digest: string;
  readonly depth: number;
  readonly length: number;
}

const sha256Bytes = 32;
const prefixBytes = 8;
/** Position and length of a child's node in the pack, where no index has it. */
const pointerBytes = 5;

/** Form (c): a Merkle tree of each layer's directories. The order of the tar is not in it. */
export function directoryNodes(
  held: MeasuredImage,
  wanted: MeasuredImage,
  form: DirectoryForm,
  compressor: Compressor,
): Cost {
  const known = new Set(held.layers.flatMap((layer) => nodesOf(layer, form, compressor)).map((node) => node.digest));
  const layers = missingLayers(held, wanted).map((layer) => nodesOf(layer, form, compressor));
  const all = layers.flat();
  const steps = form.index ? byIndex(layers, known) : byLevel(layers, known);
  const missing = all.filter((node) => !known.has(node.digest));
  const { text } = form.node;
  return {
    form: `c: directories, N=${form.meanCount}, ${text}, ${form.index ? "index first" : "level by level"}`,
    steps,
    manifestBytes: 0,
    publishedBytes: all.reduce((sum, node) => sum + node.length + (form.index ? prefixBytes + 2 : 0), 0),
    tocGrowthBytes: 0,
    nodes: all.length,
    missingNodes: missing.length,
    missingBytes: missing.reduce((sum, node) => sum + node.length, 0),
  };
}

type Layers = readonly (readonly Node[])[];

function byIndex(layers: Layers, known: ReadonlySet<string>): readonly Step[] {
  const index = layers.map((nodes) => ({ bytes: nodes.length * (prefixBytes + 2) + 64, requests: 1 }));
  return [sideBySide(index), fetchOf(layers, (node) => !known.has(node.digest))];
}

function byLevel(layers: Layers, known: ReadonlySet<string>): readonly Step[] {
  const depth = Math.max(...layers.flat().map((node) => node.depth));
  const levels = Array.from({ length: depth + 1 }, (_, level) =>
    fetchOf(layers, (node) => node.depth === level && !known.has(node.digest)),
  );
  return levels.filter((step) => step.requests > 0);
}

function fetchOf(layers: Layers, isWanted: (node: Node) => boolean): Step {
  const ranges = layers.map((nodes) => {
    let at = 0;
    return nodes.flatMap((node) => {
      const start = at;
      at += node.length;
      return isWanted(node) ? [{ start, end: at }] : [];
    });
  });
  return planRanges(ranges, nodeRequestCountMax);
}

const remembered = new Map<string, readonly Node[]>();

/** All nodes of a layer, level by level as they lie in the pack. */
function nodesOf(layer: MeasuredLayer, form: DirectoryForm, compressor: Compressor): readonly Node[] {
  const key = JSON.stringify([layer.digest, form.meanCount, form.node.text, form.index]);
  const before = remembered.get(key);
  if (before !== undefined) return before;
  const children = new Map<string, PlacedEntry[]>();
  for (const placed of layer.parts.flat()) {
    const parent = parentOf(placed.entry.path) ?? "";
    (children.get(parent) ?? children.set(parent, []).get(parent))?.push(placed);
  }
  const nodes: Node[] = [];
  walk("", 0, { children, form, compressor, nodes });
  nodes.sort((a, b) => a.depth - b.depth);
  remembered.set(key, nodes);
  return nodes;
}

interface Walk {
  readonly children: ReadonlyMap<string, readonly PlacedEntry[]>;
  readonly form: DirectoryForm;
  readonly compressor: Compressor;
  readonly nodes: Node[];
}

/** Adds the nodes of a directory and of all below it; returns the digests of its own. */
function walk(path: string, depth: number, state: Walk): readonly string[] {
  const { children, form, compressor, nodes } = state;
  const entries = [...(children.get(path) ?? [])].sort((a, b) => (a.entry.path < b.entry.path ? -1 : 1));
  const below = new Map<string, readonly string[]>();
  for (const { entry } of entries) {
    if (entry.type === "dir" && children.has(entry.path)) below.set(entry.path, walk(entry.path, depth + 1, state));
  }
  return cutPart(entries, form.meanCount).map((piece) => {
    const named = piece.map((placed) => ({ ...placed, entry: withBaseName(placed.entry) }));
    const digests = piece.flatMap(({ entry }) => below.get(entry.path) ?? []);
    const digest = digestOf(`${digests.join()}\n${Buffer.from(encodeTree(named.map(({ entry }) => entry)))}`);
    const links = digests.length * (sha256Bytes + (form.index ? 0 : pointerBytes));
    nodes.push({ digest, depth, length: nodeBytes(named, form.node, compressor) + links });
    return digest;
  });
}

function withBaseName(entry: Entry): Entry {
  return { ...entry, path: baseNameOf(entry.path) as ImagePath };
}
