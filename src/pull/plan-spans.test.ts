// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import { digestOf } from "../base/index.ts";
import type { TocFrame } from "../layer/index.ts";
import { planSpans, type Span, type WantedFile } from "./plan-spans.ts";

const blob = (name: string): WantedFile["blob"] => ({ mediaType: "a/b", digest: digestOf(name), sizeBytes: 1 << 30 });

/** A file whose frames lie at these offsets, each of 100 bytes. */
function file(name: string, offsets: readonly number[], where = "blob"): WantedFile {
  const frames = offsets.map((offset, i) => {
    return { offset, storedBytes: 100, rawBytes: 200, digest: digestOf(offsets.length > 1 ? `${name}${i}` : name) };
  });
  return { blob: blob(where), content: digestOf(name), sizeBytes: 200 * frames.length, frames };
}

const nothing = (): boolean => false;
const bounds = { gapBytesMax: 50, spanCountMax: 4, mergedGapBytesMax: 5_000, spanBytesMax: 1_000 };

function shown(tasks: readonly (readonly Span[])[]): string[] {
  return tasks.map((task) => task.map(({ offset, sizeBytes }) => `${offset}+${sizeBytes}`).join(" "));
}

test("planSpans joins what lies near, in the order of the blob, and leaves larger gaps out", () => {
  const files = [file("c", [400]), file("a", [0]), file("b", [150])];
  assert.deepEqual(shown(planSpans(files, nothing, bounds)), ["0+250", "400+100"]);
});

test("planSpans asks for a content once, however many files have it", () => {
  const twice = [file("a", [0]), { ...file("a", [700]), blob: blob("other") }];
  assert.equal(planSpans(twice, nothing, bounds).flat().length, 1);
});

test("planSpans merges the smallest gaps where there are too many requests, but none that costs more than one", () => {
  const offsets = [0, 1_000, 2_500, 4_000, 20_000, 40_000, 60_000];
  const spans = planSpans(offsets.map((offset) => file(`f${offset}`, [offset])), nothing, bounds);
  assert.deepEqual(shown(spans), ["0+4100", "20000+100", "40000+100", "60000+100"]);
  const far = offsets.map((offset) => file(`g${offset}`, [offset * 100]));
  assert.equal(planSpans(far, nothing, bounds).length, 7);
});

test("planSpans never joins parts of two blobs, nor parts that overlap", () => {
  const files = [file("a", [0], "one"), file("b", [100], "two"), file("c", [50], "one")];
  assert.deepEqual(shown(planSpans(files, nothing, bounds)).sort(), ["0+100", "100+100", "50+100"]);
});

test("planSpans cuts long spans, and keeps the frames of one file in one task, in order", () => {
  const many = Array.from({ length: 15 }, (_, i) => file(`s${i}`, [i * 100]));
  assert.deepEqual(shown(planSpans(many, nothing, bounds)), ["0+1000", "1000+500"]);
  const large = file("large", Array.from({ length: 15 }, (_, i) => i * 100));
  assert.deepEqual(shown(planSpans([large], nothing, bounds)), ["0+1000 1000+500"]);
});

test("planSpans leaves out pieces that are here, and fetches at least one of a file", () => {
  const large = file("large", [0, 100, 200, 300]);
  const here = ({ digest }: TocFrame): boolean => [digestOf("large0"), digestOf("large1")].includes(digest);
  assert.deepEqual(shown(planSpans([large], here, bounds)), ["200+200"]);
  assert.deepEqual(shown(planSpans([large], () => true, bounds)), ["300+100"]);
});
