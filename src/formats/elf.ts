// SPDX-License-Identifier: Apache-2.0
import { nameFromBytes } from "../base/index.ts";

export interface ElfInfo {
  readonly class: 32 | 64;
  /** e_machine, e.g. 62 for x86-64, 183 for AArch64. */
  readonly machine: number;
  readonly type: "none" | "rel" | "exec" | "dyn" | "core" | "other";
  /** PT_INTERP: the dynamic loader. */
  readonly interpreter?: string;
  /** DT_NEEDED, in the file's order. */
  readonly needed: readonly string[];
  readonly soname?: string;
  /** DT_RPATH and DT_RUNPATH, split at colons. */
  readonly rpath: readonly string[];
  readonly runpath: readonly string[];
}

const types = ["none", "rel", "exec", "dyn", "core"] as const;
const segment = { load: 1, dynamic: 2, interpreter: 3 } as const;
const tag = { end: 0, needed: 1, stringTable: 5, stringBytes: 10, soname: 14, rpath: 15, runpath: 29 } as const;
const dynamicEntriesMax = 65_536;
const stringBytesMax = 4096;

/**
 * Reads from an ELF file what decides which other files it needs. Undefined where the bytes are no ELF file,
 * or one so damaged that no loader would take it. Never throws. Source: System V ABI, gABI 4.1; elf(5).
 */
export function parseElf(bytes: Uint8Array): ElfInfo | undefined {
  if (bytes[0] !== 0x7f || bytes[1] !== 0x45 || bytes[2] !== 0x4c || bytes[3] !== 0x46) return undefined;
  try {
    return new Elf(bytes).info();
  } catch (error) {
    // DataView's answer to an offset outside the file.
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

interface Segment {
  readonly type: number;
  readonly offset: number;
  readonly address: number;
  readonly fileBytes: number;
}

class Elf {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #wide: boolean;
  readonly #little: boolean;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const kind = bytes[4];
    const order = bytes[5];
    if ((kind !== 1 && kind !== 2) || (order !== 1 && order !== 2)) throw new RangeError("unknown class or byte order");
    this.#wide = kind === 2;
    this.#little = order === 1;
  }

  info(): ElfInfo {
    const segments = this.#segments();
    const interpreter = segments.find((item) => item.type === segment.interpreter);
    return {
      class: this.#wide ? 64 : 32,
      machine: this.#half(18),
      type: types[this.#half(16)] ?? "other",
      ...(interpreter === undefined ? {} : { interpreter: this.#string(interpreter.offset) }),
      ...this.#dynamic(segments),
    };
  }

  #segments(): Segment[] {
    const start = this.#word(this.#wide ? 32 : 28);
    const size = this.#half(this.#wide ? 54 : 42);
    const count = this.#half(this.#wide ? 56 : 44);
    const segments: Segment[] = [];
    for (let i = 0; i < count; i++) {
      const at = start + i * size;
      segments.push({
        type: this.#view.getUint32(at, this.#little),
        offset: this.#word(at + (this.#wide ? 8 : 4)),
        address: this.#word(at + (this.#wide ? 16 : 8)),
        fileBytes: this.#word(at + (this.#wide ? 32 : 16)),
      });
    }
    return segments;
  }

  #dynamic(segments: readonly Segment[]): Pick<ElfInfo, "needed" | "soname" | "rpath" | "runpath"> {
    const needed: number[] = [];
    const single = new Map<number, number>();
    const table = segments.find((item) => item.type === segment.dynamic);
    if (table !== undefined) this.#readTags(table, needed, single);
    const strings = single.get(tag.stringTable);
    if (table === undefined || strings === undefined) return { needed: [], rpath: [], runpath: [] };
    const base = offsetOf(strings, segments);
    const text = (at: number | undefined): string | undefined =>
      at === undefined ? undefined : this.#string(base + at);
    const soname = text(single.get(tag.soname));
    return {
      needed: needed.map((at) => this.#string(base + at)),
      ...(soname === undefined ? {} : { soname }),
      rpath: splitPath(text(single.get(tag.rpath))),
      runpath: splitPath(text(single.get(tag.runpath))),
    };
  }

  #readTags(table: Segment, needed: number[], single: Map<number, number>): void {
    const size = this.#wide ? 16 : 8;
    const count = Math.min(Math.floor(table.fileBytes / size), dynamicEntriesMax);
    for (let i = 0; i < count; i++) {
      const at = table.offset + i * size;
      const name = this.#word(at);
      const value = this.#word(at + size / 2);
      if (name === tag.end) return;
      if (name === tag.needed) needed.push(value);
      else single.set(name, value);
    }
  }

  #half(at: number): number {
    return this.#view.getUint16(at, this.#little);
  }

  #word(at: number): number {
    if (!this.#wide) return this.#view.getUint32(at, this.#little);
    // Above 2^53 it is no offset in a file; tags that large are of no interest.
    return Number(this.#view.getBigUint64(at, this.#little));
  }

  #string(at: number): string {
    if (at >= this.#bytes.length) throw new RangeError("a string lies outside the file");
    const end = this.#bytes.indexOf(0, at);
    if (end < 0 || end - at > stringBytesMax) throw new RangeError("a string has no end");
    return nameFromBytes(this.#bytes.subarray(at, end));
  }
}

function offsetOf(address: number, segments: readonly Segment[]): number {
  for (const item of segments) {
    if (item.type !== segment.load) continue;
    if (address >= item.address && address < item.address + item.fileBytes) return address - item.address + item.offset;
  }
  throw new RangeError("an address lies outside the file");
}

function splitPath(text: string | undefined): string[] {
  return text === undefined ? [] : text.split(":").filter((part) => part !== "");
}
