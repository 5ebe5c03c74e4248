// SPDX-License-Identifier: Apache-2.0
import { pathToBytes } from "../base/index.ts";
import { type Entry, tarNameOf } from "../formats/index.ts";

/** Text is handed on in pieces of about this size. */
const pieceBytes = 1 << 20;

/**
 * Writes tar-split's NDJSON: everything of the tar that is not payload, so that a reader who has the files
 * can make the archive again byte for byte. Type 2 is raw tar bytes, type 1 stands for a file's payload and
 * carries its CRC-64. (vbatts/tar-split, tar/storage/entry.go)
 */
export class TarSplitWriter {
  readonly #take: (text: Uint8Array) => void;
  #position = 0;
  #lines: string[] = [];
  #length = 0;
  sizeBytes = 0;

  constructor(take: (text: Uint8Array) => void) {
    this.#take = take;
  }

  /** Raw tar bytes: headers and padding. */
  raw(bytes: Uint8Array): void {
    const payload = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("base64");
    this.#line(`{"type":2,"payload":"${payload}","position":${this.#position++}}\n`);
  }

  /** An entry; `crc64` (16 hex digits) only for a file that is not empty. */
  entry(entry: Entry, crc64?: string): void {
    const name = nameField(tarNameOf(entry));
    const payload = crc64 === undefined ? "null" : `"${Buffer.from(crc64, "hex").toString("base64")}"`;
    const size = crc64 !== undefined && entry.type === "file" ? `"size":${entry.sizeBytes},` : "";
    this.#line(`{"type":1,${name},${size}"payload":${payload},"position":${this.#position++}}\n`);
  }

  #line(line: string): void {
    this.#lines.push(line);
    this.#length += line.length;
    if (this.#length >= pieceBytes) this.finish();
  }

  /** Hands on what is left. */
  finish(): void {
    if (this.#lines.length === 0) return;
    const text = Buffer.from(this.#lines.join(""), "utf8");
    this.sizeBytes += text.length;
    this.#lines = [];
    this.#length = 0;
    this.#take(text);
  }
}

function nameField(name: string): string {
  if (name.isWellFormed()) return `"name":${JSON.stringify(name)}`;
  return `"name_raw":"${pathToBytes(name).toString("base64")}"`;
}
