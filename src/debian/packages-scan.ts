// SPDX-License-Identifier: Apache-2.0
import { AshlarError, limits } from "../base/index.ts";

/** Where things are in a Packages file; stanzas are numbered from 0 in the order of the file. */
export interface PackagesScan {
  /** Offset of each stanza's first byte, and behind its last. */
  readonly starts: readonly number[];
  readonly ends: readonly number[];
  readonly names: readonly string[];
  /** A number alone where the name occurs once, as almost all do. */
  readonly stanzasByName: ReadonlyMap<string, number | number[]>;
  /** Values of Provides, continuation lines included. */
  readonly provides: readonly { readonly stanza: number; readonly from: number; readonly to: number }[];
  /** Stanzas that have a field Essential, Important or Protected, whatever its value, or Priority: required. */
  readonly base: readonly number[];
}

const lineFeed = 0x0a;
/** Field names that start with p, e or i. */
const packageField = asBytes("package:");
const providesField = asBytes("provides:");
const baseFields = ["essential:", "important:", "protected:"].map(asBytes);
const priorityField = asBytes("priority:");

/**
 * Finds the stanzas of a Packages file and the few fields that all of them are searched by. Looks only at the
 * first letters of each line: everything else is left to the parser of the stanza.
 * Throws `DEBIAN_INDEX_INVALID` where a stanza has no Package field, or two.
 */
export function scanPackages(bytes: Buffer, source: string): PackagesScan {
  const scanner = new Scanner(bytes, source);
  let at = 0;
  while (at < bytes.length) {
    const end = lineEnd(bytes, at);
    if (end === at) scanner.endStanza(at);
    else scanner.takeLine(at, end);
    at = end + 1;
  }
  scanner.endStanza(bytes.length);
  return scanner;
}

/** Lines are short: a loop costs less than a call into the engine for each. */
function lineEnd(bytes: Buffer, at: number): number {
  let end = at;
  while (end < bytes.length && bytes[end] !== lineFeed) end++;
  return end;
}

class Scanner implements PackagesScan {
  readonly starts: number[] = [];
  readonly ends: number[] = [];
  readonly names: string[] = [];
  readonly stanzasByName = new Map<string, number | number[]>();
  readonly provides: { stanza: number; from: number; to: number }[] = [];
  readonly base: number[] = [];
  readonly #bytes: Buffer;
  readonly #source: string;
  #start = -1;
  #name: string | undefined;
  #isBase = false;
  /** Whether continuation lines belong to Provides. */
  #inProvides = false;

  constructor(bytes: Buffer, source: string) {
    this.#bytes = bytes;
    this.#source = source;
  }

  takeLine(at: number, end: number): void {
    const bytes = this.#bytes;
    const first = bytes[at] as number;
    // A comment may stand anywhere, also between the lines of one value and before a stanza.
    if (first === 0x23) return;
    if (this.#start < 0) this.#start = at;
    if (first === 0x20 || first === 0x09) {
      if (this.#inProvides) (this.provides[this.provides.length - 1] as { to: number }).to = end;
      return;
    }
    this.#inProvides = false;
    const letter = first | 0x20;
    if (letter === 0x70) this.#takeP(at, end);
    else if ((letter === 0x65 || letter === 0x69) && baseFields.some((name) => has(bytes, at, name)))
      this.#isBase = true;
  }

  #takeP(at: number, end: number): void {
    const bytes = this.#bytes;
    if (has(bytes, at, packageField)) {
      // Were this left to the stanza's parser, the other name would be gone without a word.
      if (this.#name !== undefined) throw this.#invalid(`stanza ${this.starts.length + 1} has two fields "Package"`);
      this.#name = bytes.toString("latin1", at + packageField.length, end).trim();
    } else if (has(bytes, at, providesField)) {
      this.provides.push({ stanza: this.starts.length, from: at + providesField.length, to: end });
      this.#inProvides = true;
    } else if (has(bytes, at, priorityField)) {
      if (bytes.toString("latin1", at + priorityField.length, end).trim() === "required") this.#isBase = true;
    } else if (baseFields.some((name) => has(bytes, at, name))) {
      this.#isBase = true;
    }
  }

  endStanza(end: number): void {
    if (this.#start < 0) return;
    const stanza = this.starts.length;
    if (this.#name === undefined || this.#name === "")
      throw this.#invalid(`stanza ${stanza + 1} has no field "Package"`);
    if (stanza === limits.entryCountMax) throw this.#invalid("it has too many stanzas");
    this.starts.push(this.#start);
    this.ends.push(end);
    this.names.push(this.#name);
    if (this.#isBase) this.base.push(stanza);
    this.#addName(this.#name, stanza);
    this.#start = -1;
    this.#name = undefined;
    this.#isBase = false;
    this.#inProvides = false;
  }

  #addName(name: string, stanza: number): void {
    const known = this.stanzasByName.get(name);
    if (known === undefined) this.stanzasByName.set(name, stanza);
    else if (typeof known === "number") this.stanzasByName.set(name, [known, stanza]);
    else known.push(stanza);
  }

  #invalid(fault: string): AshlarError {
    return new AshlarError(
      "DEBIAN_INDEX_INVALID",
      `Cannot read package index of source "${this.#source}": ${fault}`,
    );
  }
}

/** Tells whether the bytes at `at` are this field's name, whatever their case. */
function has(bytes: Buffer, at: number, name: Uint8Array): boolean {
  for (let i = 0; i < name.length; i++) {
    const byte = bytes[at + i];
    if (byte === undefined || (byte === 0x3a ? 0x3a : byte | 0x20) !== name[i]) return false;
  }
  return true;
}

function asBytes(text: string): Uint8Array {
  return Buffer.from(text, "latin1");
}
