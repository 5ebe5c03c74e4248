// SPDX-License-Identifier: Apache-2.0
import { compareOrdinal } from "../../base/index.ts";

const shownMax = 5;

/** Names that differ from `wanted` by few edits (insert, delete, replace, swap neighbours), nearest first. */
export function nearNames(wanted: string, names: Iterable<string>): string[] {
  const editsMax = wanted.length < 5 ? 1 : wanted.length < 9 ? 2 : 3;
  const found: { name: string; edits: number }[] = [];
  for (const name of names) {
    if (Math.abs(name.length - wanted.length) > editsMax) continue;
    const edits = editDistance(wanted, name, editsMax);
    if (edits <= editsMax) found.push({ name, edits });
  }
  found.sort((a, b) => a.edits - b.edits || compareOrdinal(a.name, b.name));
  return found.slice(0, shownMax).map(({ name }) => name);
}

/** Optimal string alignment distance; gives up (Infinity) once it is sure to be above `most`. */
function editDistance(a: string, b: string, most: number): number {
  let before: number[] = [];
  let above = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (above[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      let least = Math.min(replaced, (above[j] as number) + 1, (row[j - 1] as number) + 1);
      if (a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] && i > 1 && j > 1) {
        least = Math.min(least, (before[j - 2] as number) + 1);
      }
      row.push(least);
    }
    if (Math.min(...row) > most) return Number.POSITIVE_INFINITY;
    [before, above] = [above, row];
  }
  return above[b.length] as number;
}
