// SPDX-License-Identifier: Apache-2.0
import { limits } from "../base/index.ts";
import { parsePax, type PaxValues } from "./pax.ts";
import { headerName, isZero, stringOf, verifyChecksum } from "./tar-block.ts";
import { blockBytes, field, quoteName, tarError, type TarEntry, type TarType } from "./tar-entry.ts";
import { readNumber } from "./tar-number.ts";

/** What a `TarParser` calls, in the archive's order: for each member `entry`, `data` (files), `endEntry`. */
export interface TarVisitor {
  entry(entry: TarEntry): void;
  /** A piece of the file's content; valid only during the call, since it is a part of what was pushed. */
  data(bytes: Uint8Array): void;
  /** Called for members of all types. */
  endEntry(): void;
}

interface TarParserOptions {
  /** Bounds members and global headers together. */
  readonly entryCountMax?: number;
  /** Takes what follows the end mark, in pieces; without it only zeros may follow. */
  readonly afterEnd?: (bytes: Uint8Array) => void;
}

const types: Readonly<Record<string, TarType>> = {
  "\0": "file",
  "0": "file",
  "1": "hardlink",
  "2": "symlink",
  "3": "char",
  "4": "block",
  "5": "dir",
  "6": "fifo",
};
const metaTypes = "xgLK";
const idMax = 0xfffffffe;
const nothing = Buffer.alloc(0);

/**
 * Streaming parser for v7, ustar, pax and GNU tar. Push the bytes in pieces of any size, then call `finish`.
 *
 * Strict where archives are ambiguous (two readers see two trees): refused are sparse files, types other than
 * the seven, links and directories with data, names with NUL or empty, several long names for one member,
 * bytes other than zero after the end mark, and an archive without the end mark.
 *
 * Throws `FORMATS_TAR_CHECKSUM`, `_TYPE`, `_SPARSE`, `_NUMBER`, `_SIZE`, `_NAME`, `_PAX`, `_LIMIT`,
 * `_TRUNCATED`, `_TRAILING`, each with the offset. After an error the parser is of no further use.
 * Sources: POSIX.1-2017 pax; GNU tar manual, "Basic Tar Format".
 */
export class TarParser {
  readonly #visitor: TarVisitor;
  readonly #entryCountMax: number;
  #entryCount = 0;
  /** Archive offset of the next byte. */
  #offset = 0;
  readonly #block = Buffer.alloc(blockBytes);
  #blockFill = 0;
  #dataLeft = 0;
  #paddingLeft = 0;
  #inEntry = false;
  #metaType = "";
  #meta: Buffer = nothing;
  #metaFill = 0;
  #global: PaxValues = {};
  #pax: PaxValues | undefined;
  #longName: string | undefined;
  #longLink: string | undefined;
  #zeroBlocks = 0;
  readonly #afterEnd: ((bytes: Uint8Array) => void) | undefined;

  constructor(visitor: TarVisitor, { entryCountMax = limits.entryCountMax, afterEnd }: TarParserOptions = {}) {
    this.#visitor = visitor;
    this.#entryCountMax = entryCountMax;
    this.#afterEnd = afterEnd;
  }

  push(bytes: Uint8Array): void {
    let at = 0;
    while (at < bytes.length) {
      if (this.#dataLeft > 0) at = this.#takeData(bytes, at);
      else if (this.#paddingLeft > 0) at = this.#skipPadding(bytes, at);
      else if (this.#zeroBlocks === 2) at = this.#takeTrailing(bytes, at);
      else at = this.#takeBlock(bytes, at);
    }
  }

  /**
   * Proves that the archive is complete. `endMark: "optional"` is for archives that a digest proves whole: some
   * writers of layers stop behind the last member's data.
   */
  finish({ endMark = "needed" }: { readonly endMark?: "needed" | "optional" } = {}): void {
    if (this.#zeroBlocks === 2) return;
    const isOpen = this.#dataLeft > 0 || this.#blockFill > 0 || this.#pax !== undefined;
    if (endMark === "optional" && !isOpen && this.#longName === undefined && this.#longLink === undefined) return;
    throw tarError("TRUNCATED", this.#offset, "the archive ends too early, want two zero blocks at its end");
  }

  #takeData(bytes: Uint8Array, at: number): number {
    const length = Math.min(this.#dataLeft, bytes.length - at);
    const piece = bytes.subarray(at, at + length);
    if (this.#inEntry) this.#visitor.data(piece);
    else {
      this.#meta.set(piece, this.#metaFill);
      this.#metaFill += length;
    }
    this.#dataLeft -= length;
    this.#offset += length;
    if (this.#dataLeft === 0) this.#endData();
    return at + length;
  }

  #endData(): void {
    if (this.#inEntry) {
      this.#inEntry = false;
      this.#visitor.endEntry();
    } else this.#endMeta();
  }

  #skipPadding(bytes: Uint8Array, at: number): number {
    const length = Math.min(this.#paddingLeft, bytes.length - at);
    this.#paddingLeft -= length;
    this.#offset += length;
    return at + length;
  }

  #takeTrailing(bytes: Uint8Array, at: number): number {
    const length = Math.min(blockBytes, bytes.length - at);
    if (this.#afterEnd !== undefined) this.#afterEnd(bytes.subarray(at, at + length));
    else if (!isZero(bytes, at, length))
      throw tarError("TRAILING", this.#offset, "bytes follow the end mark, want only zeros");
    this.#offset += length;
    return at + length;
  }

  #takeBlock(bytes: Uint8Array, at: number): number {
    if (this.#blockFill === 0 && at + blockBytes <= bytes.length) {
      this.#header(bytes.subarray(at, at + blockBytes));
      return at + blockBytes;
    }
    const length = Math.min(blockBytes - this.#blockFill, bytes.length - at);
    this.#block.set(bytes.subarray(at, at + length), this.#blockFill);
    this.#blockFill += length;
    if (this.#blockFill === blockBytes) {
      this.#blockFill = 0;
      this.#header(this.#block);
    }
    return at + length;
  }

  #header(block: Uint8Array): void {
    const at = this.#offset;
    this.#offset += blockBytes;
    if (block[0] === 0 && isZero(block, 0, blockBytes)) return this.#endMark(at);
    if (this.#zeroBlocks === 1) throw tarError("TRAILING", at, "a header follows a single zero block");
    verifyChecksum(block, at);
    const size = readNumber(block, field.size, at);
    if (size < 0) throw tarError("SIZE", at, `the size is ${size}, want no negative number`);
    const type = String.fromCharCode(block[field.type[0]] as number);
    if (metaTypes.includes(type)) this.#beginMeta(type, size, at);
    else this.#beginEntry(block, type, size, at);
  }

  #endMark(at: number): void {
    if (this.#pax !== undefined || this.#longName !== undefined || this.#longLink !== undefined) {
      throw tarError("TRUNCATED", at, "the archive ends between an extended header and its member");
    }
    this.#zeroBlocks++;
  }

  #beginMeta(type: string, size: number, at: number): void {
    if (size > limits.paxHeaderBytesMax) {
      throw tarError("LIMIT", at, `an extended header has ${size} bytes, want at most ${limits.paxHeaderBytesMax}`);
    }
    const repeated =
      type === "x" ? this.#pax : type === "L" ? this.#longName : type === "K" ? this.#longLink : undefined;
    if (repeated !== undefined) throw tarError("PAX", at, `a second header of type "${type}" precedes one member`);
    if (type === "g") this.#count(at);
    this.#metaType = type;
    this.#meta = size === 0 ? nothing : Buffer.allocUnsafe(size);
    this.#metaFill = 0;
    this.#dataLeft = size;
    this.#paddingLeft = paddingOf(size);
    if (size === 0) this.#endMeta();
  }

  #endMeta(): void {
    const at = this.#offset - this.#meta.length;
    if (this.#metaType === "x") this.#pax = parsePax(this.#meta, at);
    else if (this.#metaType === "g") this.#global = parseGlobal(this.#meta, at, this.#global);
    else {
      const name = stringOf(this.#meta, 0, this.#meta.length);
      if (name === "") throw tarError("NAME", at, "a long name is empty");
      if (this.#metaType === "L") this.#longName = name;
      else this.#longLink = name;
    }
    this.#meta = nothing;
  }

  #beginEntry(block: Uint8Array, type: string, size: number, at: number): void {
    this.#count(at);
    const entry = this.#entryOf(block, type, size, at);
    this.#pax = undefined;
    this.#longName = undefined;
    this.#longLink = undefined;
    this.#dataLeft = entry.sizeBytes;
    this.#paddingLeft = paddingOf(entry.sizeBytes);
    this.#inEntry = true;
    this.#visitor.entry(entry);
    if (entry.sizeBytes === 0) this.#endData();
  }

  #count(at: number): void {
    this.#entryCount++;
    if (this.#entryCount > this.#entryCountMax) {
      throw tarError("LIMIT", at, `the archive has more than ${this.#entryCountMax} entries`);
    }
  }

  #entryOf(block: Uint8Array, flag: string, headerSize: number, at: number): TarEntry {
    const values = this.#valuesOf(at);
    const name = values?.path ?? this.#longName ?? headerName(block);
    const type = typeOf(flag, name, at);
    const sizeBytes = values?.size ?? headerSize;
    if (sizeBytes < 0) throw tarError("SIZE", at, `the size is ${sizeBytes}, want no negative number`);
    if (type !== "file" && sizeBytes !== 0)
      throw tarError("SIZE", at, `${quoteName(name)} is a ${type} of ${sizeBytes} bytes, want 0`);
    const device = type === "char" || type === "block";
    const entry: TarEntry = {
      name,
      type,
      mode: readNumber(block, field.mode, at) & 0o7777,
      uid: idOf(values?.uid ?? readNumber(block, field.uid, at), at),
      gid: idOf(values?.gid ?? readNumber(block, field.gid, at), at),
      mtimeSeconds: values?.mtime ?? readNumber(block, field.mtime, at),
      sizeBytes,
      linkName: this.#linkNameOf(block, type, name, values?.linkpath, at),
      major: device ? deviceNumber(values?.major ?? readNumber(block, field.major, at), at) : 0,
      minor: device ? deviceNumber(values?.minor ?? readNumber(block, field.minor, at), at) : 0,
    };
    if (values?.xattrs === undefined) return entry;
    return { ...entry, xattrs: Object.fromEntries(values.xattrs) };
  }

  #valuesOf(at: number): PaxValues | undefined {
    const pax = this.#pax;
    if (pax === undefined) return this.#global;
    if (
      (pax.path !== undefined && this.#longName !== undefined) ||
      (pax.linkpath !== undefined && this.#longLink !== undefined)
    ) {
      throw tarError("PAX", at, "a member has both a pax and a GNU long name");
    }
    return { ...this.#global, ...pax };
  }

  #linkNameOf(block: Uint8Array, type: TarType, name: string, paxName: string | undefined, at: number): string {
    if (type !== "symlink" && type !== "hardlink") return "";
    const target = paxName ?? this.#longLink ?? stringOf(block, ...field.linkName);
    if (target === "") throw tarError("NAME", at, `the link ${quoteName(name)} has no target`);
    return target;
  }
}

function parseGlobal(payload: Uint8Array, at: number, base: PaxValues): PaxValues {
  const values = parsePax(payload, at, base);
  if (values.path !== undefined || values.linkpath !== undefined || values.size !== undefined || values.xattrs) {
    throw tarError("PAX", at, "a global header sets name, size or attributes, want them for one member at a time");
  }
  return values;
}

function typeOf(flag: string, name: string, at: number): TarType {
  if (flag === "S") throw tarError("SPARSE", at, "sparse files are not supported, want them whole");
  if (name === "") throw tarError("NAME", at, "a member has no name");
  const type = types[flag];
  if (type === undefined) {
    throw tarError("TYPE", at, `${quoteName(name)} has type ${JSON.stringify(flag)}, want one of 0 to 6`);
  }
  if (!name.endsWith("/") || type === "dir") return type;
  // Version 7 had no type for directories.
  if (flag === "\0") return "dir";
  throw tarError("NAME", at, `${quoteName(name)} is a ${type}, its name may not end with a slash`);
}

function idOf(value: number, at: number): number {
  if (value < 0 || value > idMax) throw tarError("NUMBER", at, `the owner's number is ${value}, want 0 to ${idMax}`);
  return value;
}

function deviceNumber(value: number, at: number): number {
  if (value < 0 || value > 0xffffffff) throw tarError("NUMBER", at, `the device number ${value} is out of range`);
  return value;
}

function paddingOf(sizeBytes: number): number {
  return (blockBytes - (sizeBytes % blockBytes)) % blockBytes;
}
