// SPDX-License-Identifier: Apache-2.0
import { nameFromBytes } from "../base/index.ts";

export interface Shebang {
  /** As written; absolute where it works everywhere. */
  readonly interpreter: string;
  /** All that follows on the line, as one argument. */
  readonly argument?: string;
}

/** The kernel looks at so many bytes (BINPRM_BUF_SIZE). */
const lineBytesMax = 256;

/** Parses the `#!` line of a script by the rules of execve(2); undefined where there is none. */
export function parseShebang(firstBytes: Uint8Array): Shebang | undefined {
  if (firstBytes[0] !== 0x23 || firstBytes[1] !== 0x21) return undefined;
  let end = 2;
  while (end < firstBytes.length && end < lineBytesMax && firstBytes[end] !== 0x0a && firstBytes[end] !== 0) end++;
  const line = nameFromBytes(firstBytes.subarray(2, end)).replace(/^[ \t]+|[ \t]+$/g, "");
  const parts = /^([^ \t]+)(?:[ \t]+(.*))?$/s.exec(line);
  if (parts === null) return undefined;
  const interpreter = parts[1] as string;
  return parts[2] === undefined ? { interpreter } : { interpreter, argument: parts[2] };
}
