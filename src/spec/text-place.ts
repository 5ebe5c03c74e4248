// SPDX-License-Identifier: Apache-2.0
import { codeFrameColumns } from "@babel/code-frame";

import type { Place } from "../base/index.ts";

/** Lines longer than this are not drawn. */
const excerptColumnsMax = 200;

/** The place at a line and column (from 1), with the lines around it drawn and marked. */
export function placeAt(
  file: string,
  text: string,
  position: { line: number; column: number; length?: number },
): Place {
  const { line, column, length = 0 } = position;
  const around = text.split(/\r\n|\n|\r/).slice(Math.max(0, line - 3), line + 1);
  if (around.some((one) => one.length > excerptColumnsMax)) return { file, line, column };
  // The library counts columns from 0.
  const start = { line, column: column - 1 };
  const loc = length > 1 ? { start, end: { line, column: start.column + length } } : { start };
  const excerpt = codeFrameColumns(text, loc, { linesAbove: 2, linesBelow: 1, highlightCode: false });
  return { file, line, column, excerpt };
}

/** The line and column (from 1) of a position in a text. */
export function lineColumnAt(text: string, offset: number): { line: number; column: number } {
  const before = text.slice(0, Math.max(0, Math.min(offset, text.length)));
  const lines = before.split(/\r\n|\n|\r/);
  return { line: lines.length, column: (lines.at(-1) as string).length + 1 };
}
