// SPDX-License-Identifier: Apache-2.0
import { AshlarError } from "../base/index.ts";

const clausePattern = /^([ugoa]*)((?:[-+=][rwxXst]*)+)$/;

/**
 * The permission bits that a mode text gives: octal ("0644") or symbolic as in chmod(1) ("a=rX", "u+x,go-w"),
 * the latter applied to `base`. Throws `ASSEMBLE_MODE_INVALID`.
 */
export function applyMode(text: string, base: number, { isDirectory }: { readonly isDirectory: boolean }): number {
  if (/^[0-7]{3,4}$/.test(text)) return Number.parseInt(text, 8);
  let mode = base;
  for (const clause of text.split(",")) {
    const match = clausePattern.exec(clause);
    if (match === null) {
      const hint = 'write "0644", or symbols such as "a=rX" or "u=rw,go=r"';
      throw new AshlarError(
        "ASSEMBLE_MODE_INVALID",
        `Cannot read mode "${text.slice(0, 40)}": want octal or chmod's symbols`,
        { hint },
      );
    }
    const [, who, operations] = match as unknown as [string, string, string];
    for (const operation of operations.match(/[-+=][rwxXst]*/g) ?? []) {
      mode = applyOperation(mode, { who: who === "" ? "a" : who, operation, isDirectory });
    }
  }
  return mode;
}

interface Operation {
  readonly who: string;
  /** The operator and its letters, e.g. "=rX". */
  readonly operation: string;
  readonly isDirectory: boolean;
}

function applyOperation(mode: number, { who, operation, isDirectory }: Operation): number {
  const letters = operation.slice(1);
  const executable = isDirectory || (mode & 0o111) !== 0;
  const triple =
    (letters.includes("r") ? 4 : 0) |
    (letters.includes("w") ? 2 : 0) |
    (letters.includes("x") || (letters.includes("X") && executable) ? 1 : 0);
  const [user, group, other] = ["u", "g", "o"].map((class_) => who.includes(class_) || who.includes("a"));
  const mask = (user ? 0o4700 : 0) | (group ? 0o2070 : 0) | (other ? 0o0007 : 0) | (who.includes("a") ? 0o1000 : 0);
  const special = (letters.includes("s") ? 0o6000 : 0) | (letters.includes("t") ? 0o1000 : 0);
  const bits = (special | (triple * 0o111)) & mask;
  switch (operation[0]) {
    case "+":
      return mode | bits;
    case "-":
      return mode & ~bits;
    default:
      return (mode & ~mask) | bits;
  }
}
