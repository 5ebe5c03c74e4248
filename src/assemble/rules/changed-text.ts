// SPDX-License-Identifier: Apache-2.0

/** What is different in two texts: the lines that only one of them has, in their order. */
export interface ChangedText {
  readonly a: readonly string[];
  readonly b: readonly string[];
}

/** Compares line by line; a line counts as often as it occurs. Bytes as Latin-1. */
export function changedLines(a: Uint8Array, b: Uint8Array): ChangedText {
  const [left, right] = [linesOf(a), linesOf(b)];
  return { a: without(left, right), b: without(right, left) };
}

function linesOf(bytes: Uint8Array): readonly string[] {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1").split("\n");
}

function without(lines: readonly string[], others: readonly string[]): readonly string[] {
  const counts = new Map<string, number>();
  for (const line of others) counts.set(line, (counts.get(line) ?? 0) + 1);
  return lines.filter((line) => {
    const left = counts.get(line) ?? 0;
    if (left > 0) counts.set(line, left - 1);
    return left === 0;
  });
}

/** Places where two texts of the same length of lines differ: pairs of words, the first of each line. */
export function changedWords({ a, b }: ChangedText): readonly (readonly [string, string])[] {
  const pairs: (readonly [string, string])[] = [];
  for (let i = 0; i < Math.min(a.length, b.length, 100); i++) {
    const [left, right] = [wordsOf(a[i] as string), wordsOf(b[i] as string)];
    for (let j = 0; j < Math.min(left.length, right.length); j++) {
      if (left[j] !== right[j]) pairs.push([left[j] as string, right[j] as string]);
    }
  }
  return pairs;
}

function wordsOf(line: string): readonly string[] {
  return line.slice(0, 4096).match(/[A-Za-z0-9+/]+/g) ?? [];
}

/** Tells text from binary formats by the first bytes, as git does. */
export function isText(bytes: Uint8Array): boolean {
  return !bytes.subarray(0, 8000).includes(0);
}
