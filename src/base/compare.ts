// SPDX-License-Identifier: Apache-2.0
/** Orders strings by UTF-16 code unit, never by locale. For paths use `comparePaths`. */
export function compareOrdinal(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** A comparator on a text taken from each item. */
export function byText<T>(textOf: (item: T) => string): (a: T, b: T) => number {
  return (a, b) => compareOrdinal(textOf(a), textOf(b));
}
