// SPDX-License-Identifier: Apache-2.0
import { compareOrdinal } from "../base/index.ts";

/** The steps that expanding any part of a spec is made of. */

/** One spelling: `a (>= 1) | b`. */
export function canonicalRelation(text: string): string {
  return text
    .split("|")
    .map((part) => part.trim().replace(/ ?\((<<|<=|=|>=|>>) ?/, " ($1 "))
    .join(" | ");
}

export function withoutDotSlash(glob: string): string {
  return glob.replace(/^(\.\/+)+(?=.)/, "");
}

const unitBytes: Readonly<Record<string, number>> = {
  B: 1, kB: 1e3, KB: 1e3, MB: 1e6, GB: 1e9, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30,
}; // prettier-ignore

/** Whole bytes, rounded down; a thousandth of a unit is the finest step, so this is exact. */
export function bytesOf(size: string): number {
  const [, whole = "0", fraction = "", unit = ""] = /^([0-9]+)(?:\.([0-9]+))?([A-Za-z]+)$/.exec(size) ?? [];
  const thousandths = BigInt(whole) * 1000n + BigInt(fraction.padEnd(3, "0"));
  return Number((thousandths * BigInt(unitBytes[unit] as number)) / 1000n);
}

export function listOf<T>(value: T | readonly T[]): readonly T[] {
  return Array.isArray(value) ? (value as readonly T[]) : [value as T];
}

export function sortedSet(items: readonly string[]): string[] {
  return [...new Set(items)].sort(compareOrdinal);
}

/** A record with its keys in order. */
export function mapRecord<T, U>(
  record: Readonly<Record<string, T>>,
  map: (value: T, key: string) => U,
): Record<string, U> {
  const entries = Object.entries(record).sort(([a], [b]) => compareOrdinal(a, b));
  return Object.fromEntries(entries.map(([key, value]) => [key, map(value, key)]));
}

type Present<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/** The same without the keys that are undefined. */
export function present<T extends object>(record: T): Present<T> {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined)) as Present<T>;
}
