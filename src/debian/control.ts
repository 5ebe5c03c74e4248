// SPDX-License-Identifier: Apache-2.0
import { AshlarError, limits } from "../base/index.ts";

/**
 * The fields of one stanza in their order, by the name as written; look up with `field`. Lines of a value are
 * joined by LF, those after the first keep the space they start with: `name: value` is the source text again.
 */
export type Stanza = ReadonlyMap<string, string>;

/** Real stanzas have some thirty fields. */
const fieldCountMax = 500;
const namePattern = /^[!"$-,.-9;-~][!-9;-~]*$/;

/** The value of a field whatever the case of its name, or undefined. Source: deb822(5). */
export function field(stanza: Stanza, name: string): string | undefined {
  const exact = stanza.get(name);
  if (exact !== undefined) return exact;
  const wanted = name.toLowerCase();
  for (const [key, value] of stanza) if (key.toLowerCase() === wanted) return value;
  return undefined;
}

/**
 * Parses control files in the format deb822(5): stanzas parted by empty lines, comment lines (`#`) dropped.
 * Strict where readers differ: a field twice in a stanza, a line of white space only, a continuation
 * without a field and a NUL are refused. Bytes that are no UTF-8 become U+FFFD, as old names of people do.
 * At most `limits.textBytesMax` bytes. Throws `DEBIAN_CONTROL_INVALID` with the line's number.
 */
export function parseControl(source: Uint8Array | string): Stanza[] {
  if (source.length > limits.textBytesMax) throw invalid(1, `it is larger than ${limits.textBytesMax} bytes`);
  const text = typeof source === "string" ? source : utf8(source);
  const stanzas: Stanza[] = [];
  const reader = new StanzaReader();
  const lines = text.split("\n");
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i] as string;
    if (line !== "") {
      reader.take(line, i + 1);
    } else if (reader.isOpen) {
      stanzas.push(reader.end());
    }
  }
  if (reader.isOpen) stanzas.push(reader.end());
  return stanzas;
}

class StanzaReader {
  #fields = new Map<string, string>();
  #names = new Set<string>();
  #name: string | undefined;
  #lines: string[] = [];

  get isOpen(): boolean {
    return this.#name !== undefined;
  }

  take(line: string, number: number): void {
    if (line.startsWith("#")) return;
    if (line.includes("\0")) throw invalid(number, "it holds a NUL byte");
    if (line.startsWith(" ") || line.startsWith("\t")) {
      if (this.#name === undefined) throw invalid(number, "a continuation line without a field before it");
      if (line.trim() === "") throw invalid(number, "a line of white space only, want ' .' or an empty line");
      this.#lines.push(line.trimEnd());
      return;
    }
    const colon = line.indexOf(":");
    const name = line.slice(0, Math.max(colon, 0));
    if (!namePattern.test(name))
      throw invalid(number, `${JSON.stringify(line.slice(0, 60))} is no field, want "Name: value"`);
    this.#endField();
    const key = name.toLowerCase();
    if (this.#names.has(key)) throw invalid(number, `the field "${name.slice(0, 60)}" is there twice`);
    if (this.#names.size === fieldCountMax) throw invalid(number, `more than ${fieldCountMax} fields`);
    this.#names.add(key);
    this.#name = name;
    this.#lines = [line.slice(colon + 1).trim()];
  }

  end(): Stanza {
    this.#endField();
    const fields = this.#fields;
    this.#fields = new Map();
    this.#names = new Set();
    this.#name = undefined;
    return fields;
  }

  #endField(): void {
    if (this.#name !== undefined) this.#fields.set(this.#name, this.#lines.join("\n"));
  }
}

function utf8(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("utf8");
}

function invalid(line: number, fault: string): AshlarError {
  return new AshlarError("DEBIAN_CONTROL_INVALID", `Cannot read control file: line ${line}, ${fault}`, {
    details: { line },
  });
}
