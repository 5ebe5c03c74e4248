// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { type Compressor, loadCompressor } from "../src/formats/index.ts";
import { openStore, type Store } from "../src/store/index.ts";
import { missingContents } from "./metadata/contents.ts";
import { directoryNodes } from "./metadata/directories.ts";
import { makeDictionary, type NodeForm } from "./metadata/encode-node.ts";
import { type BlockForm, blockNodes, type Cost, missingLayers, wholeTables } from "./metadata/forms.ts";
import { openLinkSeconds, slowStartSeconds, type Step } from "./metadata/ranges.ts";
import { type MeasuredImage, readImage } from "./metadata/read-image.ts";
import { touchImage } from "./metadata/touch-image.ts";

/** Specs of the benchmarks, and what is made of them: name, original, replacements in its text. */
const variants: readonly (readonly [string, string, ...(readonly [string, string])[]])[] = [
  ["r2", "r2"],
  ["r3", "r3"],
  ["r2-jq", "r2", ["ca-certificates]", "ca-certificates, jq]"]],
  ["r2-sec", "r2", ["debian:bookworm", "{ debian: bookworm, sources: [updates, security] }"]],
  ["r2-full", "r2-full"],
  ["r2-full-jq", "r2-full", ["ca-certificates]", "ca-certificates, jq]"]],
];
const pairs = [
  ["r2", "r2-jq"],
  ["r2", "r3"],
  ["r2", "r2-sec"],
  ["r2-full", "r2-full-jq"],
] as const;
/** Files changed in the pairs that share no layer, and in how many runs they lie. */
const touchedFiles = 29;
const touchedRuns = [5, 29];

/**
 * Compares forms of a layer's metadata by what a pull of one image has to fetch when another one is here:
 * `sh tools/run bench/metadata-forms.ts DIR`. Builds the images in DIR first, unless they are there.
 */
async function main(dir: string): Promise<void> {
  const storeDir = join(dir, "store");
  for (const variant of variants) buildVariant(dir, storeDir, variant);
  const compressor = await loadCompressor();
  const store = openStore(storeDir, { compressor });
  const images = await readImages(store, compressor);
  store.close();
  const dictionary = (text: NodeForm["text"]): Buffer => makeDictionary(images.get("r2") as MeasuredImage, text);
  const image = (name: string): MeasuredImage => images.get(name) as MeasuredImage;
  const tools = { compressor, dictionary };
  const columns = pairs.map(([held, wanted]) => measurePair(image(held), image(wanted), tools));
  for (const runs of touchedRuns) {
    columns.push(measurePair(image("r2"), touchImage(image("r2"), touchedFiles, runs), tools));
  }
  printTables(columns);
}

type Variant = (typeof variants)[number];

function buildVariant(dir: string, store: string, [name, original, ...changes]: Variant): void {
  const place = join(dir, "specs", name);
  if (existsSync(join(place, "ashlar.lock"))) return;
  rmSync(place, { recursive: true, force: true });
  cpSync(join(import.meta.dirname, "specs", original), place, { recursive: true });
  const file = join(place, "ashlar.yaml");
  let text = readFileSync(file, "utf8").replace(`bench/${original}`, `bench/${name}`);
  for (const [from, to] of changes) text = text.replace(from, to);
  writeFileSync(file, text);
  const ashlar = join(import.meta.dirname, "../ashlar");
  const done = spawnSync(ashlar, ["build", place, "--quiet", "--store", store], { encoding: "utf8" });
  if (done.status !== 0) throw new Error(`build of ${name} failed: ${done.stderr}`);
}

async function readImages(store: Store, compressor: Compressor): Promise<Map<string, MeasuredImage>> {
  const images = new Map<string, MeasuredImage>();
  for (const [name] of variants) images.set(name, await readImage(store, `bench/${name}`, compressor));
  return images;
}

interface Tools {
  readonly compressor: Compressor;
  readonly dictionary: (text: NodeForm["text"]) => Buffer;
}

/** One column of the tables: what a pull of one image costs in each form. */
interface Column {
  readonly title: string;
  readonly facts: string;
  readonly manifestBytes: number;
  readonly contents: Step;
  readonly costs: readonly Cost[];
}

function measurePair(held: MeasuredImage, wanted: MeasuredImage, tools: Tools): Column {
  const missing = missingLayers(held, wanted);
  const contents = missingContents(held, missing);
  const parts = missing.flatMap((layer) => layer.parts);
  const entries = parts.reduce((sum, part) => sum + part.length, 0);
  const title = `${held.name} -> ${wanted.name}`.replaceAll("bench/", "");
  const facts =
    `${missing.length} of ${wanted.layers.length} layers, ${parts.length} parts, ${entries} entries; ` +
    `${contents.files} contents of ${contents.exactBytes} B, by ${contents.step.requests} ranges ` +
    `${contents.step.bytes} B; manifest ${wanted.manifestBytes} B`;
  const { manifestBytes } = wanted;
  return { title, facts, manifestBytes, contents: contents.step, costs: [...costs(held, wanted, tools)] };
}

function* costs(held: MeasuredImage, wanted: MeasuredImage, { compressor, dictionary }: Tools): Generator<Cost> {
  const missing = missingLayers(held, wanted);
  yield wholeTables(missing, false);
  yield wholeTables(missing, true);
  const json: NodeForm = { text: "json", places: true };
  const binary: NodeForm = { text: "binary", places: true };
  for (const [node, index] of [[json, true], [binary, true], [binary, false]] as const) {
    yield directoryNodes(held, wanted, { meanCount: 64, node, index }, compressor);
  }
  const blocks = (form: BlockForm): Cost => blockNodes(held, wanted, form, compressor);
  for (const meanCount of [0, 32, 64, 128, 256]) {
    for (const node of [json, binary]) yield blocks({ meanCount, rootDigestBytes: 32, node });
  }
  for (const node of [json, binary]) {
    const more = { ...node, dictionary: dictionary(node.text) };
    yield blocks({ meanCount: 64, rootDigestBytes: 32, node: more });
    yield blocks({ meanCount: 64, rootDigestBytes: 32, node: { ...node, places: false } });
  }
  for (const meanCount of [0, 32, 64, 128, 256]) yield blocks({ meanCount, rootDigestBytes: 32, node: "toc" });
  yield blocks({ meanCount: 64, rootDigestBytes: 8, node: "toc" });
  yield blocks({ meanCount: 64, rootDigestBytes: 8, node: binary, inManifest: true });
  for (const meanCount of [32, 64, 128]) {
    yield blocks({ meanCount, rootDigestBytes: 8, node: "toc", inManifest: true });
  }
}

function printTables(columns: readonly Column[]): void {
  for (const { title, facts } of columns) console.log(`- ${title}: ${facts}`);
  console.log("\nBytes · requests · round trips · ms of metadata · s of the whole pull with slow start\n");
  printTable(columns, ({ costs: list, manifestBytes, contents }, i) => {
    const { steps, manifestBytes: more } = list[i] as Cost;
    const bytes = steps.reduce((sum, step) => sum + step.bytes, more);
    const requests = steps.reduce((sum, step) => sum + step.requests, 0);
    const pull = [{ bytes: manifestBytes + more, requests: 1 }, ...steps, contents];
    const ms = (openLinkSeconds(steps) * 1000).toFixed(0);
    return `${thousands(bytes)} · ${requests} · ${steps.length} · ${ms} · ${slowStartSeconds(pull).toFixed(2)}`;
  });
  console.log("\nPublished beside tar and tables, growth of the tables, nodes fetched of all\n");
  printTable(columns, ({ costs: list }, i) => {
    const { publishedBytes, tocGrowthBytes, manifestBytes, nodes, missingNodes, missingBytes } = list[i] as Cost;
    const beside = publishedBytes - tocGrowthBytes + manifestBytes;
    const fetched = `${missingNodes}/${nodes} of ${thousands(missingBytes)} B`;
    return `${thousands(beside)} · ${thousands(tocGrowthBytes)} · ${fetched}`;
  });
}

function printTable(columns: readonly Column[], cell: (column: Column, row: number) => string): void {
  console.log(`| form | ${columns.map((column) => column.title).join(" | ")} |`);
  console.log(`|---|${"---|".repeat(columns.length)}`);
  const rows = columns[0]?.costs ?? [];
  rows.forEach(({ form }, i) => {
    console.log(`| ${form} | ${columns.map((column) => cell(column, i)).join(" | ")} |`);
  });
}

function thousands(value: number): string {
  return value.toLocaleString("en-US");
}

await main(process.argv[2] ?? "/tmp/ashlar-metadata");
