// SPDX-License-Identifier: Apache-2.0
import { digestOf } from "../../src/base/index.ts";
import { type Compressor, encodeTree } from "../../src/formats/index.ts";
import { cutPart } from "./cut.ts";
import { type NodeForm, nodeBytes, varintBytes } from "./encode-node.ts";
import { exactBytes, planRanges, type Range, sideBySide, type Step } from "./ranges.ts";
import type { MeasuredImage, MeasuredLayer, Part } from "./read-image.ts";

/** What a form of metadata costs. */
export interface Cost {
  readonly form: string;
  /** After the manifest, before the contents. */
  readonly steps: readonly Step[];
  /** What it adds to the manifest. */
  readonly manifestBytes: number;
  /** What it adds to the blobs of the wanted image, or to what is published beside them. */
  readonly publishedBytes: number;
  /** What it adds to the tables of contents. */
  readonly tocGrowthBytes: number;
  readonly nodes: number;
  readonly missingNodes: number;
  /** Of the missing nodes alone, without what lies between them. */
  readonly missingBytes: number;
}

/** Single requests for the nodes of all layers at most. */
export const nodeRequestCountMax = 16;

/** Layers of the wanted image that the held one has not. */
export function missingLayers(held: MeasuredImage, wanted: MeasuredImage): readonly MeasuredLayer[] {
  const known = new Set(held.layers.map((layer) => layer.digest));
  return wanted.layers.filter((layer) => !known.has(layer.digest));
}

/** Forms (a) and (b): the whole table of contents, without and with tar-split. */
export function wholeTables(layers: readonly MeasuredLayer[], tarSplit: boolean): Cost {
  const bytes = layers.map((layer) => layer.tocBytes + (tarSplit ? layer.tarSplitBytes : 0));
  const step = sideBySide(bytes.map((sum) => ({ bytes: sum, requests: 1 })));
  const form = tarSplit ? "b: TOC and tar-split" : "a: TOC";
  const none = { manifestBytes: 0, publishedBytes: 0, tocGrowthBytes: 0, nodes: 0, missingNodes: 0 };
  return { form, steps: [step], ...none, missingBytes: step.bytes };
}

export interface BlockForm {
  /** Cut parts of more entries; 0: never. */
  readonly meanCount: number;
  /** Bytes of each node's digest in the root: 32, or a prefix where one digest over all of them is in the root. */
  readonly rootDigestBytes: number;
  /** The node is a frame of the table of contents, or is written by itself. */
  readonly node: NodeForm | "toc";
  /** The root stands in the manifest. */
  readonly inManifest?: boolean;
}

/** Forms (d), (e), (f): blocks, whole or cut, as nodes. */
export function blockNodes(held: MeasuredImage, wanted: MeasuredImage, form: BlockForm, compressor: Compressor): Cost {
  const known = new Set(held.layers.flatMap((layer) => digestsOf(layer, form.meanCount)));
  const planned = missingLayers(held, wanted).map((layer) => planLayer(layer, known, form, compressor));
  const roots = sideBySide(planned.map(({ root }) => ({ bytes: root, requests: 1 })));
  const missing = planned.map((layer) => layer.missing);
  const nodes = planRanges(missing, nodeRequestCountMax);
  const sum = (key: "growth" | "packed" | "nodes"): number =>
    planned.reduce((all, layer) => all + layer[key], 0);
  const inManifest = form.inManifest === true;
  const steps = [...(inManifest ? [] : [roots]), ...(nodes.requests > 0 ? [nodes] : [])];
  const manifestBytes = inManifest ? Math.ceil((roots.bytes * 4) / 3) : 0;
  return {
    form: nameOf(form),
    steps,
    manifestBytes,
    publishedBytes: (inManifest ? 0 : roots.bytes) + sum("packed") + sum("growth"),
    tocGrowthBytes: sum("growth"),
    nodes: sum("nodes"),
    missingNodes: missing.flat().length,
    missingBytes: exactBytes(missing),
  };
}

function nameOf({ meanCount, rootDigestBytes, node, inManifest }: BlockForm): string {
  const letter = node === "toc" ? "f" : meanCount === 0 ? "d" : "e";
  const cut = meanCount === 0 ? "blocks" : `N=${meanCount}`;
  const text = node === "toc" ? "TOC frames" : `${node.text}${node.dictionary === undefined ? "" : "+dict"}`;
  const places = node !== "toc" && !node.places ? " without places" : "";
  return `${letter}: ${cut}, ${text}${places}, root ${rootDigestBytes}${inManifest === true ? " in manifest" : ""}`;
}

function digestsOf(layer: MeasuredLayer, meanCount: number): readonly string[] {
  return layer.parts.flatMap((part) => cutPart(part, meanCount)).map(digestOfNode);
}

export function digestOfNode(node: Part): string {
  return digestOf(encodeTree(node.map(({ entry }) => entry)));
}

interface PlannedLayer {
  readonly root: number;
  readonly growth: number;
  readonly packed: number;
  readonly nodes: number;
  /** Where the missing nodes lie. */
  readonly missing: readonly Range[];
}

/** Counts, digest of the whole, positions. */
const rootFixedBytes = 64;

function planLayer(
  layer: MeasuredLayer,
  known: ReadonlySet<string>,
  form: BlockForm,
  compressor: Compressor,
): PlannedLayer {
  const nodes = layer.parts.flatMap((part) => cutPart(part, form.meanCount));
  const isToc = form.node === "toc";
  const lengths = isToc
    ? tocFrames(nodes, compressor)
    : nodes.map((node) => nodeBytes(node, form.node as NodeForm, compressor));
  const missing: Range[] = [];
  let at = 0;
  let root = rootFixedBytes;
  nodes.forEach((node, i) => {
    const length = lengths[i] as number;
    const dataBytes = node.reduce((sum, placed) => sum + placed.gapBytes + placed.storedBytes, 0);
    root += form.rootDigestBytes + varintBytes(length) + (isToc ? 0 : varintBytes(dataBytes));
    if (!known.has(digestOfNode(node))) missing.push({ start: at, end: at + length });
    at += length;
  });
  return {
    root,
    growth: isToc ? at + tocEndBytes - layer.tocBytes : 0,
    packed: isToc ? 0 : at,
    nodes: nodes.length,
    missing,
  };
}

/** The last frame: the end of the list and tarSplitDigest. */
const tocEndBytes = 105;

function tocFrames(nodes: readonly Part[], compressor: Compressor): readonly number[] {
  return nodes.map((node, i) => {
    const start = i === 0 ? '{"version":1,"entries":[' : ",\n";
    return compressor.compress(Buffer.from(start + node.map((placed) => placed.toc).join(",\n"))).length;
  });
}
