// SPDX-License-Identifier: Apache-2.0
/** Data as a person would write it; keys with the value undefined stand for nothing. */
export interface Written {
  readonly [key: string]: unknown;
}

/** Units with what each is of the smallest, largest first. */
export type Units = readonly (readonly [string, number])[];
const sizeUnits: Units = [["GB", 1e9], ["MB", 1e6], ["kB", 1e3], ["B", 1]]; // prettier-ignore
const binaryUnits: Units = [["GiB", 2 ** 30], ["MiB", 2 ** 20], ["KiB", 2 ** 10]]; // prettier-ignore

/** The number in the largest unit that divides it. */
export function unitText(value: number, units: Units): string {
  const [unit, factor] =
    units.find(([, size]) => value % size === 0 && value > 0) ?? (units.at(-1) as [string, number]);
  return `${value / factor}${unit}`;
}

/** A size in the unit that makes the shorter number of it: "4GiB", "40MB". */
export function sizeText(bytes: number | undefined): string | undefined {
  if (bytes === undefined) return undefined;
  const decimal = unitText(bytes, sizeUnits);
  const isBinary = binaryUnits.some(([, size]) => bytes > 0 && bytes % size === 0);
  const binary = isBinary ? unitText(bytes, binaryUnits) : decimal;
  return binary.length < decimal.length ? binary : decimal;
}

export function oneOrList(items: readonly string[]): string | readonly string[] {
  return items.length === 1 ? (items[0] as string) : items;
}

export function unless<T>(value: T, usual: T): T | undefined {
  return value === usual ? undefined : value;
}

export function someItems<T>(items: readonly T[]): readonly T[] | undefined {
  return items.length === 0 ? undefined : items;
}

export function someOf(record: Written): Written | undefined {
  return Object.values(record).every((value) => value === undefined) ? undefined : record;
}

export function mapValues<T>(record: Readonly<Record<string, T>>, map: (value: T) => unknown): Written {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value)]));
}
