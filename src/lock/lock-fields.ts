// SPDX-License-Identifier: Apache-2.0
import { AshlarError, type Digest, isDigest } from "../base/index.ts";

/** The fields of a lock's JSON, checked one by one: everything here throws `LOCK_INVALID` with `details.near`. */
export type Fields = Readonly<Record<string, unknown>>;

export function fieldsOf(
  value: unknown,
  what: string,
  required: readonly string[],
  optional: readonly string[] = [],
): Fields {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw fault(`${what} is not an object`);
  const keys = Object.keys(value);
  const unknown = keys.find((key) => !required.includes(key) && !optional.includes(key));
  if (unknown !== undefined)
    throw fault(`unknown key ${JSON.stringify(unknown.slice(0, 100))} in ${what}`, `"${unknown}"`);
  const missing = required.find((key) => !keys.includes(key));
  if (missing !== undefined) throw fault(`key "${missing}" is missing in ${what}`);
  return value as Fields;
}

export function listOf(value: unknown, what: string): readonly unknown[] {
  if (!Array.isArray(value)) throw fault(`${what} is not a list`);
  return value;
}

export function textOf(value: unknown, what: string): string {
  if (typeof value !== "string" || value === "") throw fault(`${what} is not a text`);
  return value;
}

export function textsOf(value: unknown, what: string): readonly string[] {
  return listOf(value, what).map((item) => textOf(item, what));
}

export function matching(value: unknown, pattern: RegExp, what: string): string {
  const text = textOf(value, what);
  if (!pattern.test(text)) throw fault(`${what} is not valid: ${JSON.stringify(text.slice(0, 100))}`, text);
  return text;
}

export function digestField(value: unknown, what: string): Digest {
  if (typeof value !== "string" || !isDigest(value)) {
    throw fault(
      `${what} is not sha256: and 64 lower-case hex digits`,
      typeof value === "string" ? value : undefined,
    );
  }
  return value;
}

export function countOf(value: unknown, what: string): number {
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0)
    throw fault(`${what} is not a count`);
  return value;
}

export function unique<T>(items: readonly T[], keyOf: (item: T) => string, what: string): readonly T[] {
  const seen = new Set<string>();
  for (const item of items) {
    const key = keyOf(item);
    if (seen.has(key)) throw fault(`${what} "${key}" is listed twice`, `"${key}"`);
    seen.add(key);
  }
  return items;
}

export function fault(why: string, near?: string): AshlarError {
  return new AshlarError("LOCK_INVALID", why, { details: near === undefined ? {} : { near } });
}
