// SPDX-License-Identifier: Apache-2.0
import { AshlarError, type ErrorParts } from "../base/index.ts";

/** A fault of a run; `REASON` of the code `SANDBOX_REASON`, the command for the message. */
export function runError(
  reason: string,
  argv: readonly string[],
  fault: string,
  parts: ErrorParts = {},
): AshlarError {
  return new AshlarError(`SANDBOX_${reason}`, `Cannot run ${quoteCommand(argv)}: ${fault}`, parts);
}

/** A command as one line of bounded length. */
function quoteCommand(argv: readonly string[]): string {
  const text = JSON.stringify(argv.join(" "));
  return text.length > 120 ? `${text.slice(0, 116)}..."` : text;
}

/** The last lines of an output, for the reasons of an error. */
export function lastLines(bytes: Uint8Array, count = 10): string[] {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("utf8");
  return text
    .split("\n")
    .filter((line) => line.trim() !== "")
    .slice(-count)
    .map((line) => line.slice(0, 300));
}
