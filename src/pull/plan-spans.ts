// SPDX-License-Identifier: Apache-2.0
import { limits } from "../base/index.ts";
import type { TocFrame } from "../layer/index.ts";
import type { Descriptor } from "../oci/index.ts";
import type { LayerFile } from "./layer-way.ts";

/** A file to be fetched out of a blob. */
export interface WantedFile extends LayerFile {
  readonly blob: Descriptor;
}

/** One frame of a file, by its place among the file's frames. */
export interface SpanFrame {
  readonly file: WantedFile;
  readonly index: number;
  readonly frame: TocFrame;
}

/** Consecutive bytes of a blob to be fetched by one request, and the frames in them in order; gaps are dropped. */
export interface Span {
  readonly blob: Descriptor;
  readonly offset: number;
  readonly sizeBytes: number;
  readonly frames: readonly SpanFrame[];
}

export interface SpanLimits {
  /** A gap up to this is fetched along. */
  readonly gapBytesMax: number;
  /** More spans than this are merged, those with the smallest gaps first. */
  readonly spanCountMax: number;
  /** A larger gap costs more than a request, however many there are. */
  readonly mergedGapBytesMax: number;
  /** A span is not grown beyond this while there are few. */
  readonly spanBytesMax: number;
}

/**
 * A request has about as many bytes of headers as the smallest gap; on a way of 50 ms and 100 Mbit/s, six at a time, it
 * takes the time of a gap of 100 KB.
 */
const spanLimits: SpanLimits = {
  gapBytesMax: 1024,
  spanCountMax: 24,
  mergedGapBytesMax: 96 << 10,
  spanBytesMax: 4 * limits.frameBytesMax,
};

/**
 * Plans how missing files are fetched: tasks that can run side by side, each of spans in order. Frames of one file
 * stay in one task, because they are put together in order. `isHere` tells of pieces of large files that need not
 * be fetched. The same content in two places is fetched once.
 */
export function planSpans(
  files: readonly WantedFile[],
  isHere: (piece: TocFrame) => boolean,
  bounds: SpanLimits = spanLimits,
): readonly (readonly Span[])[] {
  const distinct = [...new Map(files.map((file) => [file.content, file])).values()];
  const frames = distinct.flatMap((file) => missingFrames(file, isHere)).sort(compareFrames);
  return groupByFile(merge(frames.map(spanOf), bounds));
}

function missingFrames(file: WantedFile, isHere: (piece: TocFrame) => boolean): SpanFrame[] {
  const all = file.frames.map((frame, index) => ({ file, index, frame }));
  const missing = all.filter(({ frame }) => all.length === 1 || !isHere(frame));
  // With every piece here one frame is fetched all the same, so that the file is put together on the common way.
  return missing.length > 0 ? missing : all.slice(-1);
}

function compareFrames(a: SpanFrame, b: SpanFrame): number {
  if (a.file.blob.digest !== b.file.blob.digest) return a.file.blob.digest < b.file.blob.digest ? -1 : 1;
  return a.frame.offset - b.frame.offset;
}

function spanOf(frame: SpanFrame): Span {
  const { offset, storedBytes } = frame.frame;
  return { blob: frame.file.blob, offset, sizeBytes: storedBytes, frames: [frame] };
}

function merge(sorted: readonly Span[], bounds: SpanLimits): readonly Span[] {
  const { gapBytesMax, spanCountMax, mergedGapBytesMax, spanBytesMax } = bounds;
  const near = mergeWhere(sorted, (gap, sizeBytes) => gap <= gapBytesMax && sizeBytes <= spanBytesMax);
  if (near.length <= spanCountMax) return near;
  const gaps = near.flatMap((span, i) => gapBetween(near[i - 1], span) ?? []).sort((a, b) => a - b);
  const widest = gaps[Math.min(gaps.length, near.length - spanCountMax) - 1] ?? -1;
  return mergeWhere(near, (gap) => gap <= Math.min(widest, mergedGapBytesMax));
}

/** The bytes between two spans that could be one; undefined where they lie in different blobs or overlap. */
function gapBetween(before: Span | undefined, span: Span): number | undefined {
  if (before === undefined || before.blob.digest !== span.blob.digest) return undefined;
  const gap = span.offset - (before.offset + before.sizeBytes);
  return gap < 0 ? undefined : gap;
}

function mergeWhere(spans: readonly Span[], holds: (gap: number, sizeBytes: number) => boolean): readonly Span[] {
  const merged: Span[] = [];
  let frames: SpanFrame[] = [];
  for (const span of spans) {
    const before = merged.at(-1);
    const gap = gapBetween(before, span);
    const sizeBytes = before === undefined || gap === undefined ? 0 : before.sizeBytes + gap + span.sizeBytes;
    if (before === undefined || gap === undefined || !holds(gap, sizeBytes)) {
      frames = [...span.frames];
      merged.push({ ...span, frames });
      continue;
    }
    for (const frame of span.frames) frames.push(frame);
    merged[merged.length - 1] = { ...before, sizeBytes, frames };
  }
  return merged;
}

/** Spans that hold frames of one file belong into one task. */
function groupByFile(spans: readonly Span[]): readonly (readonly Span[])[] {
  const tasks: Span[][] = [];
  const taskOf = new Map<WantedFile, Span[]>();
  for (const span of spans) {
    const large = [...new Set(span.frames.map(({ file }) => file))].filter(({ frames }) => frames.length > 1);
    const shared = large.map((file) => taskOf.get(file)).find((task) => task !== undefined);
    const task = shared ?? [];
    if (shared === undefined) tasks.push(task);
    task.push(span);
    for (const file of large) taskOf.set(file, task);
  }
  return tasks;
}
