// SPDX-License-Identifier: Apache-2.0
import { AshlarError, isAshlarError, limits } from "../base/index.ts";
import { encodeLock } from "./encode-lock.ts";
import type { Lock } from "./lock.ts";
import { readLock } from "./read-lock.ts";

/** A first line such as `{"ashlar":"lock/v2"` wherever it stands: locks of later versions. */
const versionPattern = /"ashlar"\s*:\s*"lock\/v(\d+)"/;

/**
 * Parses a lock and proves that it is exactly what Ashlar would have written: unknown, repeated and special
 * keys, wrong order and spacing are all refused, as everything in a lock decides about an image. `name` is
 * the file's, for messages. Throws `LOCK_INVALID` with the line, `LOCK_VERSION`.
 */
export function parseLock(bytes: Uint8Array, name: string): Lock {
  if (bytes.length > limits.textBytesMax) throw invalidLock(name, `more than ${limits.textBytesMax} bytes`);
  const text = decode(bytes, name);
  checkVersion(text, name);
  let lock: Lock;
  try {
    lock = readLock(JSON.parse(text));
  } catch (error) {
    if (error instanceof SyntaxError)
      throw invalidLock(name, "not valid JSON", { line: jsonLine(text, error), cause: error });
    if (isAshlarError(error) && error.code !== "LOCK_INVALID")
      throw invalidLock(name, error.message, { cause: error });
    if (isAshlarError(error)) throw invalidLock(name, error.message, { line: lineOf(text, error.details["near"]) });
    throw error;
  }
  const line = firstDifference(text, encodeLock(lock));
  if (line !== undefined) throw invalidLock(name, "not as Ashlar writes it (edited, or merged by hand)", { line });
  return lock;
}

function decode(bytes: Uint8Array, name: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw invalidLock(name, "not UTF-8 text", { cause });
  }
}

function checkVersion(text: string, name: string): void {
  const version = versionPattern.exec(text.slice(0, 200))?.[1];
  if (version === "1") return;
  if (version === undefined) throw invalidLock(name, 'it does not start with "ashlar":"lock/v1"', { line: 1 });
  throw new AshlarError("LOCK_VERSION", `Cannot read lock "${name}": it has format version ${version}, want 1`, {
    hint: "use the release of Ashlar that wrote it, or write it anew: ashlar lock",
  });
}

function jsonLine(text: string, error: SyntaxError): number | undefined {
  const position = /position (\d+)/.exec(error.message)?.[1];
  return position === undefined ? undefined : text.slice(0, Number(position)).split("\n").length;
}

function lineOf(text: string, near: unknown): number | undefined {
  if (typeof near !== "string" || near === "") return undefined;
  const at = text.indexOf(near);
  return at < 0 ? undefined : text.slice(0, at).split("\n").length;
}

function firstDifference(text: string, canonical: string): number | undefined {
  if (text === canonical) return undefined;
  const [a, b] = [text.split("\n"), canonical.split("\n")];
  const at = a.findIndex((line, i) => line !== b[i]);
  return (at < 0 ? a.length : at) + 1;
}

function invalidLock(
  name: string,
  why: string,
  { line, cause }: { readonly line?: number | undefined; readonly cause?: unknown } = {},
): AshlarError {
  const where = line === undefined ? { file: name } : { file: name, line };
  const hint = "restore it from version control, or write it anew: ashlar lock";
  return new AshlarError("LOCK_INVALID", `Cannot read lock "${name}": ${why}`, { where, hint, cause });
}
