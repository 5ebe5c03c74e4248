// SPDX-License-Identifier: Apache-2.0
import { byText, compareOrdinal, type Digest, isAshlarError, type Progress, type ProgressStep } from "../base/index.ts";
import { inTurn } from "../fetch/index.ts";
import { claimedId, type LayerPlan, tocBytesMax } from "../layer/index.ts";
import { openChunkedWay } from "./chunked-way.ts";
import { openEstargzWay } from "./estargz-way.ts";
import { fetchFiles } from "./fetch-files.ts";
import { finishLayers, type LayerReport } from "./finish-layers.ts";
import { openIndexedWay } from "./indexed-way.ts";
import { knownPlan } from "./known-plan.ts";
import { type LayerWay, storedBytes, type WantedLayer, whyWhole } from "./layer-way.ts";
import type { WantedFile } from "./plan-spans.ts";
import { takeAdopted } from "./take-adopted.ts";

export interface BringOptions {
  readonly name: string;
  readonly progress: Progress;
  readonly signal?: AbortSignal | undefined;
}

/** Requests at a time, and layers whose tables are read. */
const parallelMax = 6;
/** What the tables of all layers may take; layers beyond are read whole. */
const tablesBytesMax = 4 * tocBytesMax;

interface BroughtLayers {
  readonly plans: readonly LayerPlan[];
  readonly reports: readonly LayerReport[];
}

/**
 * Brings layers into the store, all at once: first what their tables say, then the missing files of all of them,
 * then the proof of each. A layer whose tables or files are not what they should be is read whole, where its digest
 * decides. A layer that another process brings is waited for. Plans in the order of `wanted`.
 */
export async function bringLayers(wanted: readonly WantedLayer[], options: BringOptions): Promise<BroughtLayers> {
  const known = new Map<WantedLayer, LayerPlan>();
  for (const layer of wanted) {
    const plan = await knownPlan(layer);
    if (plan !== undefined) known.set(layer, plan);
  }
  const missing = wanted.filter((layer) => !known.has(layer)).map(({ layer }) => layer.descriptor.digest);
  // In one order everywhere: of two processes with layers in common none waits for the other in a circle.
  const turns = [...new Set(missing)].sort(compareOrdinal);
  return inTurns(turns, { wanted, options }, () => bringMissing(wanted, known, options));
}

interface Waiting {
  readonly wanted: readonly WantedLayer[];
  readonly options: BringOptions;
}

/** Does the work while nobody else brings one of these layers. */
function inTurns<T>([first, ...rest]: readonly Digest[], waiting: Waiting, work: () => Promise<T>): Promise<T> {
  const { wanted, options } = waiting;
  const store = wanted[0]?.store;
  if (first === undefined || store === undefined) return work();
  const { progress, signal } = options;
  const turn = { name: `layer ${first.slice(0, 19)}`, onWait: (text: string) => progress.note(text), signal };
  return inTurn(store, first, { ...turn, work: () => inTurns(rest, waiting, work) });
}

async function bringMissing(
  wanted: readonly WantedLayer[],
  known: ReadonlyMap<WantedLayer, LayerPlan>,
  options: BringOptions,
): Promise<BroughtLayers> {
  const opened = await openWays(wanted, known);
  const store = wanted[0]?.store;
  const adopted = store === undefined ? new Set() : takeAdopted(store, missingFiles(wanted, opened));
  const ways = opened.map((way) => without(way, adopted));
  const missing = missingFiles(wanted, ways);
  const total = ways.reduce((sum, way, i) => sum + wholeBytes(way, wanted[i] as WantedLayer), storedBytes(missing));
  const shown = options.progress.start(`bring ${options.name}`, total, "bytes");
  const fallen = await fetchMissing(missing, { wanted, ways, shown });
  const brought = await finishLayers(wanted, fallen, shown);
  for (const { report } of brought) {
    if (report.why !== undefined) options.progress.warn(`a layer is read whole: ${report.why}`);
  }
  const reports = brought.map(({ report }) => report);
  shown.done(summaryOf(reports, adopted.size));
  return { plans: brought.map(({ plan }) => plan), reports };
}

async function openWays(
  wanted: readonly WantedLayer[],
  known: ReadonlyMap<WantedLayer, LayerPlan>,
): Promise<readonly LayerWay[]> {
  const ways: LayerWay[] = [];
  const waiting = [...wanted.entries()];
  let bytesLeft = tablesBytesMax;
  const work = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const plan = known.get(next[1]);
      const way = plan === undefined ? await openWay(next[1], bytesLeft > 0) : { kind: "known" as const, plan };
      if (way.kind === "files") bytesLeft -= way.tableBytes;
      ways[next[0]] = bytesLeft < 0 && way.kind === "files" ? tooLarge : way;
    }
  };
  await Promise.all(Array.from({ length: parallelMax }, work));
  return ways;
}

const tooLarge: LayerWay = { kind: "whole", why: "the tables of all layers together are too large" };

async function openWay(wanted: WantedLayer, hasRoom: boolean): Promise<LayerWay> {
  const { source } = wanted;
  // Somebody else may have brought it while we waited.
  const plan = await knownPlan(wanted);
  if (plan !== undefined) return { kind: "known", plan };
  if (source.range === undefined) return { kind: "whole" };
  if (!hasRoom) return tooLarge;
  try {
    return (await openIndexedWay(wanted)) ?? (await openForeignWay(wanted)) ?? { kind: "whole" };
  } catch (error) {
    return { kind: "whole", why: whyWhole(error) };
  }
}

/** Of what others compressed the blob is made of nothing but itself. */
async function openForeignWay(wanted: WantedLayer): Promise<LayerWay | undefined> {
  if (wanted.keepBlob) return undefined;
  return (await openChunkedWay(wanted)) ?? (await openEstargzWay(wanted));
}

function wholeBytes(way: LayerWay, { layer }: WantedLayer): number {
  return way.kind === "whole" ? layer.descriptor.sizeBytes : 0;
}

function missingFiles(wanted: readonly WantedLayer[], ways: readonly LayerWay[]): readonly WantedFile[] {
  return ways.flatMap((way, i) => {
    const blob = (wanted[i] as WantedLayer).layer.descriptor;
    return way.kind === "files" ? way.missing.map((file) => ({ ...file, blob })) : [];
  });
}

function without(way: LayerWay, adopted: ReadonlySet<unknown>): LayerWay {
  if (way.kind !== "files") return way;
  return { ...way, missing: way.missing.filter(({ content }) => !adopted.has(content)) };
}

interface Fetching {
  readonly wanted: readonly WantedLayer[];
  readonly ways: readonly LayerWay[];
  readonly shown: ProgressStep;
}

/** Fetches what layers miss, all of them together; the ways that remain. */
async function fetchMissing(
  files: readonly WantedFile[],
  { wanted, ways, shown }: Fetching,
): Promise<readonly LayerWay[]> {
  const [first] = wanted;
  if (first === undefined || files.length === 0) return ways;
  const ours = new Set(wanted.filter(({ isOurs }) => isOurs).map(({ layer }) => layer.descriptor.digest));
  const madeBy = ({ blob }: WantedFile): string => (ours.has(blob.digest) ? claimedId() : "zstd-elsewhere");
  const { store, source } = first;
  try {
    await fetchFiles(files, { store, source, madeBy, onKept: advanceOf(ways, wanted), parallel: parallelMax, shown });
    return ways;
  } catch (error) {
    const why = whyWhole(error);
    return ways.map((way) => (way.kind === "files" && way.missing.length > 0 ? { kind: "whole", why } : way));
  }
}

/** Composes layers while files of them come, one after the other as they are fetched. */
function advanceOf(ways: readonly LayerWay[], wanted: readonly WantedLayer[]): () => void {
  const layers = ways.map((way, i) => ({ way, digest: (wanted[i] as WantedLayer).layer.descriptor.digest }));
  const waiting = layers.sort(byText(({ digest }) => digest)).map(({ way }) => way);
  return () => {
    while (waiting.length > 0 && isAhead(waiting[0] as LayerWay)) waiting.shift();
  };
}

/** What goes wrong here will again when the layer is finished, and is told then. */
function isAhead(way: LayerWay): boolean {
  try {
    return way.kind !== "files" || way.advance?.() !== false;
  } catch (error) {
    if (!isAshlarError(error)) throw error;
    return true;
  }
}

function summaryOf(reports: readonly LayerReport[], adopted: number): string {
  const known = reports.filter(({ way }) => way === "known").length;
  const whole = reports.filter(({ way }) => way === "whole").length;
  const files = reports.reduce((sum, { fetchedFiles }) => sum + fetchedFiles, 0);
  const host = adopted === 0 ? "" : `, ${adopted} taken from this machine`;
  return `${reports.length} layers: ${known} here already, ${whole} read whole, ${files} files fetched${host}`;
}
