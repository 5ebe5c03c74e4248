// SPDX-License-Identifier: Apache-2.0
import {
  closeSync,
  existsSync,
  fchmodSync,
  fstatSync,
  fsyncSync,
  openSync,
  readFileSync,
  readSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";

import { type Digest, digestOf, hexOf, isDigest } from "../base/index.ts";
import { type Layout, makeEmptyFile, makeTmpFile, publish, syncDir } from "./layout.ts";
import type { Ref } from "./store.ts";

/** One change of the refs. The first of a log, and one that begins it anew, says all of them. */
export interface RefsChange {
  /** Counts the changes of a store. */
  readonly sequence: number;
  readonly all: boolean;
  /** Without a target: it is gone. */
  readonly refs: readonly (Omit<Ref, "target"> & { readonly target: Digest | undefined })[];
}

export interface RefsLog {
  /** In order, without gaps, the first of them with all refs. */
  readonly changes: readonly RefsChange[];
  /** Why more than the end of the log is not to be had; undefined where every change is there. */
  readonly fault: string | undefined;
}

const sumDigits = 16;

/** Encodes a change as a line: the first digits of the sha256 of the rest, and canonical JSON. */
export function encodeRefsChange({ sequence, all, refs }: RefsChange): string {
  const rows = refs.map(({ name, target = null, origin }) => [name, target, ...(origin === undefined ? [] : [origin])]);
  const text = JSON.stringify({ sequence, ...(all ? { all } : {}), refs: rows });
  return `${sumOf(text)} ${text}\n`;
}

/**
 * Parses a log. A line that was cut off counts for nothing, and one with a number that is there already takes the
 * place of all from there on: what wrote those did not come to an end.
 */
export function parseRefsLog(text: string): RefsLog {
  const changes: RefsChange[] = [];
  let fault: string | undefined;
  for (const line of text.split("\n").slice(0, -1)) {
    const change = parseLine(line);
    if (change === undefined) continue;
    while (changes.length > 0 && (changes.at(-1) as RefsChange).sequence >= change.sequence) changes.pop();
    const before = changes.at(-1);
    const follows = before === undefined ? change.all : before.sequence + 1 === change.sequence;
    if (!follows) fault ??= `change ${change.sequence} comes after ${before?.sequence ?? "nothing"}`;
    changes.push(change);
  }
  return { changes, fault: fault ?? (changes.length === 0 ? "it has no change that can be read" : undefined) };
}

/** What the refs were after the change of this number; ordered by the bytes of their names. */
export function replayRefs(changes: readonly RefsChange[], sequence = Infinity): Ref[] {
  const refs = new Map<string, Ref>();
  for (const change of changes) {
    if (change.sequence > sequence) break;
    if (change.all) refs.clear();
    for (const { name, target, origin } of change.refs) {
      if (target === undefined) refs.delete(name);
      else refs.set(name, { name, target, ...(origin === undefined ? {} : { origin }) });
    }
  }
  return [...refs.values()].sort((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)));
}

/** Reads the log; undefined where there is none. */
export function readRefsLog(layout: Layout): RefsLog | undefined {
  return existsSync(layout.refsLog) ? parseRefsLog(readFileSync(layout.refsLog, "utf8")) : undefined;
}

/** Longer than the line of a change; one with all refs may be longer, and then the whole log is read. */
const tailBytes = 8192;

/** The number of the last change in the log, out of its last bytes; undefined where there is none. */
export function lastRefsChange(layout: Layout): number | undefined {
  const size = statSync(layout.refsLog, { throwIfNoEntry: false })?.size;
  if (size === undefined) return undefined;
  const tail = readTail(layout.refsLog, Math.min(size, tailBytes));
  // The first line may be cut.
  const lines = tail.split("\n").slice(size > tailBytes ? 1 : 0, -1);
  for (const line of lines.toReversed()) {
    const change = parseLine(line);
    if (change !== undefined) return change.sequence;
  }
  return readRefsLog(layout)?.changes.at(-1)?.sequence;
}

function readTail(path: string, length: number): string {
  const fd = openSync(path, "r");
  try {
    const bytes = Buffer.alloc(length);
    const got = readSync(fd, bytes, 0, length, fstatSync(fd).size - length);
    return bytes.toString("utf8", 0, got);
  } finally {
    closeSync(fd);
  }
}

/** Adds changes, durable when this returns. Returns the log's size in bytes. Nobody else may do so meanwhile. */
export function appendRefsLog(layout: Layout, change: RefsChange): number {
  const isNew = !existsSync(layout.refsLog);
  if (isNew) makeEmptyFile(layout.refsLog, layout.rights.file);
  const fd = openSync(layout.refsLog, "a+");
  try {
    const { size } = fstatSync(fd);
    const last = Buffer.alloc(1, "\n");
    if (size > 0) readSync(fd, last, 0, 1, size - 1);
    // Behind the rest of a line that was cut off.
    const bytes = Buffer.from(`${last[0] === 10 ? "" : "\n"}${encodeRefsChange(change)}`);
    for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
    fsyncSync(fd);
    if (isNew) syncDir(dirname(layout.refsLog));
    return size + bytes.length;
  } finally {
    closeSync(fd);
  }
}

/** Writes the log anew with these changes alone, durable when this returns. Returns its size in bytes. */
export function rewriteRefsLog(layout: Layout, changes: readonly RefsChange[]): number {
  const text = changes.map(encodeRefsChange).join("");
  const file = makeTmpFile(layout.packTmp, "refs");
  writeFileSync(file.fd, text);
  fchmodSync(file.fd, layout.rights.file);
  publish(file, layout.refsLog);
  return Buffer.byteLength(text);
}

function sumOf(text: string): string {
  return hexOf(digestOf(text)).slice(0, sumDigits);
}

function parseLine(line: string): RefsChange | undefined {
  const text = line.slice(sumDigits + 1);
  if (line.slice(0, sumDigits + 1) !== `${sumOf(text)} `) return undefined;
  const value = parseObject(text);
  const { sequence, all, refs } = value ?? {};
  if (!Number.isSafeInteger(sequence) || !Array.isArray(refs)) return undefined;
  const rows = refs.map(parseRow);
  if (!rows.every((row) => row !== undefined)) return undefined;
  return { sequence: sequence as number, all: all === true, refs: rows };
}

function parseObject(text: string): { readonly [name: string]: unknown } | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

function parseRow(row: unknown): RefsChange["refs"][number] | undefined {
  if (!Array.isArray(row)) return undefined;
  const [name, target, origin] = row as unknown[];
  if (typeof name !== "string") return undefined;
  if (target !== null && (typeof target !== "string" || !isDigest(target))) return undefined;
  if (origin !== undefined && !isTexts(origin)) return undefined;
  return { name, target: target ?? undefined, ...(origin === undefined ? {} : { origin }) };
}

/** Tells whether a value is a list of texts. */
export function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}
