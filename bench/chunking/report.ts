// SPDX-License-Identifier: Apache-2.0
import type { ChunkForm, FormCost } from "./measure-pair.ts";

/** One update, with its costs in the order of the forms. */
export interface MeasuredPair {
  readonly name: string;
  readonly versions: readonly [string, string];
  readonly costs: readonly FormCost[];
  readonly deltaBytes: number;
}

/** Place among the forms of the one that others are compared with. */
const baseline = 1;

/** Prints a line for each update. */
export function printPairs(set: string, measured: readonly MeasuredPair[], forms: readonly ChunkForm[]): void {
  printRow([set, "versions", "large files changed", ...forms.map(({ name }) => name), "delta of large files"]);
  printRow(Array.from({ length: forms.length + 4 }, () => "---"));
  for (const { name, versions, costs, deltaBytes } of measured) {
    const updates = costs.map((cost, i) =>
      i <= baseline ? kilobytes(cost.updateBytes) : `${kilobytes(cost.updateBytes)} (${reusedPercent(cost)})`,
    );
    const changed = kilobytes((costs[0] as FormCost).changedRawBytes);
    printRow([name, versions.join(" → "), changed, ...updates, kilobytes(deltaBytes)]);
  }
  console.log();
}

/** Prints a line for each form: sums over a set. */
export function printForms(set: string, measured: readonly MeasuredPair[], forms: readonly ChunkForm[]): void {
  const costs = ["bytes reused", "update", "exact", "twins", "requests", "first pull"];
  const titles = [...costs, "large files", "pieces", "mean", "lines"];
  printRow([set, ...titles]);
  printRow(Array.from({ length: titles.length + 1 }, () => "---"));
  forms.forEach(({ name }, form) => {
    const sum = (of: (cost: FormCost) => number): number => sumOf(measured, form, of);
    const [changed, reused] = [sum((cost) => cost.changedRawBytes), sum((cost) => cost.reusedRawBytes)];
    const pieces = sum((cost) => cost.pieces);
    printRow([
      name,
      `${((100 * reused) / Math.max(1, changed)).toFixed(1)} %`,
      megabytes(sum((cost) => cost.updateBytes)),
      megabytes(sum((cost) => cost.exactBytes)),
      megabytes(sum((cost) => cost.twinBytes)),
      `${sum((cost) => cost.requests)}`,
      megabytes(sum((cost) => cost.firstBytes)),
      megabytes(sum((cost) => cost.largeBytes)),
      `${pieces}`,
      kilobytes(sum((cost) => cost.largeRawBytes) / Math.max(1, pieces)),
      kilobytes(sum((cost) => cost.linesBytes)),
    ]);
  });
  const deltas = measured.reduce((sum, { deltaBytes }) => sum + deltaBytes, 0);
  console.log(`delta of large files: ${megabytes(deltas)}\n`);
}

/** Prints what the rule of docs/chunking.md asks of each form. */
export function printRule(title: string, measured: readonly MeasuredPair[], forms: readonly ChunkForm[]): void {
  printRow([title, "updates", "net of first pulls", "first pulls", "5 % less or better", "more"]);
  printRow(["---", "---", "---", "---", "---", "---"]);
  const [update, first] = [(cost: FormCost) => cost.updateBytes, (cost: FormCost) => cost.firstBytes];
  const [updateBefore, firstBefore] = [sumOf(measured, baseline, update), sumOf(measured, baseline, first)];
  const concerned = measured.filter(({ costs }) => (costs[0] as FormCost).changedRawBytes > 0);
  forms.forEach(({ name }, form) => {
    const saved = updateBefore - sumOf(measured, form, update);
    const growth = sumOf(measured, form, first) - firstBefore;
    const shares = concerned.map(({ costs }) => {
      return (costs[form] as FormCost).updateBytes / (costs[baseline] as FormCost).updateBytes;
    });
    printRow([
      name,
      percent(-saved / updateBefore),
      percent(-(saved - growth) / updateBefore),
      percent(growth / firstBefore),
      `${shares.filter((share) => share <= 0.95).length} of ${concerned.length}`,
      `${shares.filter((share) => share > 1).length}`,
    ]);
  });
  console.log();
}

function sumOf(measured: readonly MeasuredPair[], form: number, of: (cost: FormCost) => number): number {
  return measured.reduce((sum, { costs }) => sum + of(costs[form] as FormCost), 0);
}

function reusedPercent({ changedRawBytes, reusedRawBytes }: FormCost): string {
  return changedRawBytes === 0 ? "-" : `${((100 * reusedRawBytes) / changedRawBytes).toFixed(0)} %`;
}

function percent(share: number): string {
  return `${share > 0 ? "+" : ""}${(100 * share).toFixed(1)} %`;
}

function kilobytes(bytes: number): string {
  return `${Math.round(bytes / 1000)} kB`;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(2)} MB`;
}

function printRow(cells: readonly string[]): void {
  console.log(`| ${cells.join(" | ")} |`);
}
