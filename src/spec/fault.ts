// SPDX-License-Identifier: Apache-2.0
import { AshlarError, type Place } from "../base/index.ts";

/** Where a value lies in a document: keys and positions from the top. */
export type DataPath = readonly (string | number)[];

/** One thing that is wrong with a spec, before it is known where in the text it lies. */
export interface Fault {
  /** What lies there: the value at `path`, or with `onKey` the key itself. */
  readonly path: DataPath;
  readonly onKey?: boolean;
  /** What follows "Cannot ": verb, object, state, what is wanted. */
  readonly message: string;
  readonly hint?: string | undefined;
  /** Where it is already known (syntax and run-time errors). */
  readonly where?: Place | undefined;
}

/** A spec's text as far as errors need it. */
export interface Locator {
  placeOf(path: DataPath, onKey: boolean): Place;
  /** The value at a path as it was typed, where the form knows that. */
  rawOf?(path: DataPath): string | undefined;
}

/** More faults than this are counted, not shown. */
const faultsShownMax = 25;

/**
 * The error that stands for all faults of a spec: the first as its message and place, the others as reasons, each of
 * them as an `AshlarError` in `details.faults`.
 */
export function specError(faults: readonly Fault[], locator: Locator): AshlarError {
  const shown = faults.slice(0, faultsShownMax).map((fault) => ({ fault, where: placeOfFault(fault, locator) }));
  shown.sort((a, b) => (a.where.line ?? 0) - (b.where.line ?? 0) || (a.where.column ?? 0) - (b.where.column ?? 0));
  const errors = shown.map(({ fault, where }) => {
    const details = { path: showDataPath(fault.path) };
    return new AshlarError("SPEC_INVALID", `Cannot ${fault.message}`, { hint: fault.hint, where, details });
  });
  const first = errors[0];
  if (first === undefined) throw new Error("internal error: a spec without faults is not an error");
  if (errors.length === 1) return first;
  const because = errors.slice(1).map((error) => `${showPlace(error.where)}: ${error.message}`);
  if (faults.length > shown.length) because.push(`and ${faults.length - shown.length} more faults`);
  const { hint, where } = first;
  return new AshlarError("SPEC_INVALID", first.message, { hint, where, because, details: { faults: errors } });
}

function placeOfFault(fault: Fault, locator: Locator): Place {
  return fault.where ?? locator.placeOf(fault.path, fault.onKey ?? false);
}

function showPlace(where: Place | undefined): string {
  return [where?.file, where?.line, where?.column].filter((part) => part !== undefined).join(":");
}

/** `system.packages[0]`; "the spec" for the top. */
export function showDataPath(path: DataPath): string {
  if (path.length === 0) return "the spec";
  let text = "";
  for (const part of path) {
    if (typeof part === "number") text += `[${part}]`;
    else if (/^[\w-]+$/.test(part)) text += text === "" ? part : `.${part}`;
    else text += `[${JSON.stringify(part)}]`;
  }
  return text;
}

/** The candidate that was probably meant, or undefined: at most two edits, and at most a third of the word. */
export function didYouMean(word: string, candidates: readonly string[]): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.min(2, Math.floor(Math.max(word.length, 3) / 3)) + 1;
  if (word.length > 64) return undefined;
  for (const candidate of candidates) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

/** Levenshtein's distance, a swap of neighbours counting as one edit. */
function editDistance(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      const [up, left, corner] = [rows[i - 1]?.[j] as number, row[j - 1] as number, rows[i - 1]?.[j - 1] as number];
      row[j] = Math.min(up + 1, left + 1, corner + same);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) row[j] = Math.min(row[j] as number, (rows[i - 2]?.[j - 2] as number) + 1);
    }
    rows.push(row);
  }
  return rows[a.length]?.[b.length] as number;
}
