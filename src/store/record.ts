// SPDX-License-Identifier: Apache-2.0
import {
  AshlarError,
  canonicalJson,
  compareOrdinal,
  type Digest,
  digestOf,
  isDigest,
  type Json,
  parseJson,
} from "../base/index.ts";
import type { Action, Reaches } from "./store.ts";

const kind = "record/v1";
const reachNames = ["contents", "trees", "records"] as const;

/** The key under which an action's result is remembered. */
export function actionKey(action: Action): Digest {
  const { operation, version, inputs, parameters } = action;
  return digestOf(canonicalJson({ operation, version, inputs, parameters }));
}

/** Encodes a record: canonical JSON of its kind, its value and what it reaches. */
export function encodeRecord(value: Json, reaches: Reaches): Uint8Array {
  return Buffer.from(`${canonicalJson({ ashlar: kind, reaches: canonicalReaches(reaches), value })}\n`, "utf8");
}

/** Parses a record. Throws `STORE_RECORD_INVALID`. */
export function parseRecord(bytes: Uint8Array): { readonly value: Json; readonly reaches: Reaches } {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("utf8");
  if (!text.startsWith(`{"ashlar":"${kind}",`)) throw invalid("want a record");
  const record = parseReadable(text) as { readonly value?: Json; readonly reaches?: unknown };
  if (record.value === undefined) throw invalid("it has no value");
  return { value: record.value, reaches: checkReaches(record.reaches) };
}

function parseReadable(text: string): unknown {
  try {
    return parseJson(text, "record");
  } catch (cause) {
    throw new AshlarError("STORE_RECORD_INVALID", "Cannot read record: not JSON", { cause });
  }
}

/** The text form of a reach list, for the index. */
export function encodeReaches(reaches: Reaches): string {
  return canonicalJson(canonicalReaches(reaches));
}

/** Parses what `encodeReaches` made. Throws `STORE_RECORD_INVALID`. */
export function parseReaches(text: string): Reaches {
  return checkReaches(parseReadable(text));
}

/** Each list sorted and without repetition, empty lists left out: one text for one meaning. */
function canonicalReaches(reaches: Reaches): { readonly [name: string]: Json } {
  const lists: Record<string, Json> = {};
  for (const name of reachNames) {
    const list = [...new Set(reaches[name])].sort(compareOrdinal);
    if (list.length > 0) lists[name] = list;
  }
  return lists;
}

function checkReaches(value: unknown): Reaches {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw invalid("reaches");
  for (const [name, list] of Object.entries(value)) {
    if (!(reachNames as readonly string[]).includes(name)) throw invalid(`reaches "${name}"`);
    if (!Array.isArray(list) || !list.every((item) => typeof item === "string" && isDigest(item))) {
      throw invalid(`reaches.${name}`);
    }
  }
  return value;
}

function invalid(fault: string): AshlarError {
  return new AshlarError("STORE_RECORD_INVALID", `Cannot read record: ${fault}`);
}
