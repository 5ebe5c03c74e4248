// SPDX-License-Identifier: Apache-2.0
import { compareOrdinal } from "../base/index.ts";
import type { PackagesScan } from "./packages-scan.ts";

/**
 * Where a package index first names a package: as the package of a stanza or in one of its relations. apt
 * numbers names in that order and breaks its last ties by the number.
 *
 * Archives write their indexes ordered by source package and name; an index that is in another order is
 * judged as if it were in that one.
 */
export class FirstMention {
  readonly #bytes: Buffer;
  readonly #scan: PackagesScan;
  /** The place of each stanza in the archive's order; absent where the file is in that order. */
  readonly #places: Int32Array | undefined;
  readonly #found = new Map<string, number>();

  constructor(bytes: Buffer, scan: PackagesScan) {
    this.#bytes = bytes;
    this.#scan = scan;
    this.#places = placesOf(bytes, scan);
  }

  /** Grows with the place; names that are nowhere come last. */
  of(name: string): number {
    let first = this.#found.get(name);
    if (first === undefined) {
      first = this.#search(name);
      this.#found.set(name, first);
    }
    return first;
  }

  #search(name: string): number {
    const wanted = Buffer.from(name, "latin1");
    let first = this.#scan.starts.length * stride;
    let stanza = 0;
    for (let at = this.#bytes.indexOf(wanted); at >= 0; at = this.#bytes.indexOf(wanted, at + 1)) {
      stanza = stanzaAt(this.#scan, at, stanza);
      const place = (this.#places?.[stanza] ?? stanza) * stride;
      if (place > first) {
        if (this.#places === undefined) break;
        continue;
      }
      const inStanza = placeInStanza(this.#bytes, at, wanted.length);
      if (inStanza !== undefined) first = Math.min(first, place + inStanza);
    }
    return first;
  }
}

/** Room for the places inside one stanza: fields in apt's order, and offsets in a field. */
const fieldStride = 2 ** 21;
const stride = fieldStride * 16;

/** In the order in which apt reads them; the name of the package itself comes before. */
const fields = [
  "package",
  "pre-depends",
  "depends",
  "conflicts",
  "breaks",
  "recommends",
  "suggests",
  "replaces",
  "enhances",
  "provides",
];

const space = 0x20;
const tab = 0x09;
const lineFeed = 0x0a;
const colon = 0x3a;
const before = new Set(Buffer.from(" \t\n,|:"));
const behind = new Set(Buffer.from(" \t\n,|:(["));

/** Judges an occurrence: undefined where it is part of a longer word or stands in another field. */
function placeInStanza(bytes: Buffer, at: number, length: number): number | undefined {
  const next = bytes[at + length];
  if (!before.has(bytes[at - 1] ?? lineFeed) || (next !== undefined && !behind.has(next))) return undefined;
  // `name:any` is another name to apt.
  if (next === colon && bytes.toString("latin1", at + length + 1, at + length + 4) === "any") return undefined;
  const line = fieldStart(bytes, at);
  const end = bytes.indexOf(colon, line);
  if (end < 0 || end >= at) return undefined;
  const field = fields.indexOf(bytes.toString("latin1", line, end).toLowerCase());
  return field < 0 ? undefined : field * fieldStride + Math.min(at - line, fieldStride - 1);
}

/** Where the line with the field's name starts; continuation lines start with white space. */
function fieldStart(bytes: Buffer, at: number): number {
  let line = at;
  for (;;) {
    line = bytes.lastIndexOf(lineFeed, line - 1) + 1;
    if (line === 0 || (bytes[line] !== space && bytes[line] !== tab)) return line;
    line--;
  }
}

/** The stanza of an offset, not before `from`. */
function stanzaAt({ ends }: PackagesScan, at: number, from: number): number {
  let low = from;
  let high = ends.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((ends[middle] as number) <= at) low = middle + 1;
    else high = middle;
  }
  return low;
}

function placesOf(bytes: Buffer, scan: PackagesScan): Int32Array | undefined {
  const { names } = scan;
  const sources = sourcesOf(bytes, scan);
  const compare = (a: number, b: number): number =>
    compareOrdinal(sources[a] as string, sources[b] as string) || compareOrdinal(names[a] as string, names[b] as string);
  const isOrdered = names.every((_, stanza) => stanza === 0 || compare(stanza - 1, stanza) <= 0);
  if (isOrdered) return undefined;
  const places = new Int32Array(names.length);
  const text = (stanza: number): string => bytes.toString("latin1", scan.starts[stanza], scan.ends[stanza]);
  const order = [...names.keys()].sort((a, b) => compare(a, b) || compareOrdinal(text(a), text(b)));
  for (const [place, stanza] of order.entries()) places[stanza] = place;
  return places;
}

/** The source package of each stanza; its own name where the field is absent. */
function sourcesOf(bytes: Buffer, scan: PackagesScan): readonly string[] {
  const sources = [...scan.names];
  const mark = "\nSource:";
  let stanza = 0;
  for (let at = bytes.indexOf(mark); at >= 0; at = bytes.indexOf(mark, at + mark.length)) {
    stanza = stanzaAt(scan, at, stanza);
    const end = bytes.indexOf(lineFeed, at + 1);
    const value = bytes.toString("latin1", at + mark.length, end < 0 ? bytes.length : end).trim();
    sources[stanza] = value.split(" ", 1)[0] as string;
  }
  return sources;
}
