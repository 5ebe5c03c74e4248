// SPDX-License-Identifier: Apache-2.0
import { AshlarError } from "./error.ts";

/** A value that JSON can hold. */
export type Json =
  null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json | undefined };

/**
 * The canonical text of a JSON value (RFC 8785: keys by code unit, no white space). Keys with the value
 * undefined are left out. Unlike RFC 8785 a lone surrogate is kept, as `\udcXX`: file names need it.
 */
export function canonicalJson(value: Json): string {
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item as Json)).join(",")}]`;
  const record = value as { readonly [key: string]: Json | undefined };
  const parts: string[] = [];
  for (const key of Object.keys(record).sort()) {
    const item = record[key];
    if (item !== undefined) parts.push(`${JSON.stringify(key)}:${canonicalJson(item)}`);
  }
  return `{${parts.join(",")}}`;
}

/** Parses JSON of unknown origin. Throws `JSON_INVALID`, naming `what`. */
export function parseJson(text: string, what: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new AshlarError("JSON_INVALID", `Cannot read ${what}: not valid JSON`, { cause });
  }
}
