// SPDX-License-Identifier: Apache-2.0
import { writeFileSync } from "node:fs";
import { join } from "node:path";

import { writeSection } from "../page.ts";
import type { Row } from "./measures.ts";
import { plotLines } from "./plot.ts";

const builds = ["one more image", "an unchanged image", "checkout", "find"];
const works = [...builds, "gc --dry-run", "gc", "fsck", "stats", "rebuild of the index", "open after a crash"];

/** Writes the section of docs/benchmarks.md and the picture beside it. */
export function showScale(rows: readonly Row[]): void {
  const lines = ["one more image", "gc --dry-run", "fsck"].map((name) => ({ name, points: pointsOf(rows, name) }));
  const picture = plotLines(lines, { x: "images in the store", y: "s of CPU" });
  writeFileSync(join(import.meta.dirname, "../../docs/scale.svg"), picture);
  const parts = [intro, "![CPU over images](scale.svg)", sizes(rows), table(rows), summary(rows)];
  writeSection("Scale", parts.join("\n\n"));
}

function pointsOf(rows: readonly Row[], name: string): readonly (readonly [number, number])[] {
  return rows.flatMap(({ images, runs: { [name]: run } }) => (run === undefined ? [] : [[images, run.cpuSeconds]]));
}

const intro = `A store with the packages of R1 to R4 and images of their real trees, of which a seeded part of the
files of each is varied by some bytes, measured as it grows. "One more image" is R2 with a changed file of its own, its
packages being here.
Written by \`sh tools/run bench/scale.ts --store DIR\`; CPU seconds and peak memory of whole commands.`;

function sizes(rows: readonly Row[]): string {
  const lines = rows.map(({ images, contents, storeBytes, indexBytes, findMicroseconds, gcMs }) => {
    const perEntry = `${Math.round(indexBytes / contents)} B`;
    const [store, index] = [storeBytes, indexBytes].map((bytes) => `${(bytes / 1e6).toFixed(0)} MB`);
    const times = `${findMicroseconds.toFixed(0)} µs | ${gcMs.sweep ?? 0} ms`;
    return `| ${images} | ${contents.toLocaleString("en")} | ${store} | ${index} | ${perEntry} | ${times} |`;
  });
  const head = "| images | contents | store | index | index per content | a look-up by prefix | builders wait for gc |";
  return [head, "|---|---|---|---|---|---|---|", ...lines].join("\n");
}

function table(rows: readonly Row[]): string {
  const head = ["work", ...rows.map(({ images }) => `${images} images`)];
  const lines = works.map((name) => {
    const cells = rows.map(({ runs: { [name]: run } }) => {
      return run === undefined ? "" : `${run.cpuSeconds.toFixed(2)} s, ${(run.peakBytes / 1e6).toFixed(0)} MB`;
    });
    return `| ${[name, ...cells].join(" | ")} |`;
  });
  return [`| ${head.join(" | ")} |`, `|${head.map(() => "---|").join("")}`, ...lines].join("\n");
}

function summary(rows: readonly Row[]): string {
  const cost = ({ runs }: Row): number => runs["one more image"]?.cpuSeconds ?? Number.NaN;
  const [first, last] = [rows[0], rows.at(-1)] as [Row, Row];
  const [ofNone, ofCheapest] = [cost(first), Math.min(...rows.map(cost))].map((seconds) => cost(last) / seconds);
  const ratios = `${ofNone?.toFixed(2)} of what it costs in one of none, ${ofCheapest?.toFixed(2)} of the cheapest`;
  return `One more image among ${last.images} costs ${ratios} (budget 1.2 of none).`;
}
