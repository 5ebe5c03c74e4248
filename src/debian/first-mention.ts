// SPDX-License-Identifier: Apache-2.0
import type { PackagesScan } from "./packages-scan.ts";

/**
 * Where a package index first names a package: as the package of a stanza or in one of its relations. apt
 * numbers names in that order and breaks its last ties by the number.
 *
 * Archives write their indexes ordered by source package and name. Places are judged by that order, so an
 * index whose stanzas are shuffled gives the same answer.
 */
export class FirstMention {
  readonly #bytes: Buffer;
  readonly #scan: PackagesScan;
  readonly #found = new Map<string, string>();

  constructor(bytes: Buffer, scan: PackagesScan) {
    this.#bytes = bytes;
    this.#scan = scan;
  }

  /** A text that orders by the place; names that are nowhere come last. */
  of(name: string): string {
    let first = this.#found.get(name);
    if (first === undefined) {
      first = this.#search(name);
      this.#found.set(name, first);
    }
    return first;
  }

  #search(name: string): string {
    const bytes = this.#bytes;
    const wanted = Buffer.from(name, "latin1");
    let first = nowhere;
    let stanza = 0;
    for (let at = bytes.indexOf(wanted); at >= 0; at = bytes.indexOf(wanted, at + 1)) {
      const field = fieldOf(bytes, at, wanted.length);
      if (field === undefined) continue;
      stanza = stanzaAt(this.#scan, at, stanza);
      const place = this.#placeOf(stanza, field, at);
      if (place < first) first = place;
    }
    return first;
  }

  #placeOf(stanza: number, field: number, at: number): string {
    const [from, to] = [this.#scan.starts[stanza] as number, this.#scan.ends[stanza] as number];
    const text = this.#bytes.toString("latin1", from, to);
    const name = this.#scan.names[stanza] as string;
    const source = /^source:[ \t]*(\S+)/im.exec(text)?.[1] ?? name;
    // The whole text tells stanzas of one name apart; its fields come in one order in all of them.
    return [source, name, text, String.fromCharCode(field), String(at - from).padStart(9, "0")].join("\0");
  }
}

/** Behind every other text. */
const nowhere = "\uffff";

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

/** The field of an occurrence; undefined where it is part of a longer word or the field names no packages. */
function fieldOf(bytes: Buffer, at: number, length: number): number | undefined {
  if (at === 0) return undefined;
  const next = bytes[at + length];
  if (!before.has(bytes[at - 1] as number) || (next !== undefined && !behind.has(next))) return undefined;
  // `name:any` is another name to apt.
  if (next === colon && bytes.toString("latin1", at + length + 1, at + length + 4) === "any") return undefined;
  const line = fieldStart(bytes, at);
  const end = bytes.indexOf(colon, line);
  if (end < 0 || end >= at) return undefined;
  const field = fields.indexOf(bytes.toString("latin1", line, end).toLowerCase());
  return field < 0 ? undefined : field;
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
