// SPDX-License-Identifier: Apache-2.0
import { AshlarError, compareOrdinal, pathToBytes } from "../base/index.ts";
import { encodePaxRecord } from "./pax.ts";
import { blockBytes, field, quoteName } from "./tar-entry.ts";
import type { Entry } from "./tree.ts";

/** The two zero blocks that end an archive. */
export const tarEnd: Buffer = Buffer.alloc(2 * blockBytes);

const zeros = Buffer.alloc(blockBytes);

/** The zeros that fill the last block of a file of this size; shared, not to be written to. */
export function tarPadding(sizeBytes: number): Buffer {
  const rest = sizeBytes % blockBytes;
  return zeros.subarray(0, rest === 0 ? 0 : blockBytes - rest);
}

/** The name a tree's entry has in our tars: its path, for directories with a slash behind. */
export function tarNameOf(entry: Entry): string {
  return entry.type === "dir" ? `${entry.path}/` : entry.path;
}

const flags = { file: 0x30, hardlink: 0x31, symlink: 0x32, char: 0x33, block: 0x34, dir: 0x35, fifo: 0x36 } as const;
const idOctalMax = 0o7777777;
const longOctalMax = 0o77777777777;
const paxName = Buffer.from("././@PaxHeader");

const template = Buffer.alloc(blockBytes);
template.write("ustar\x0000", field.magic[0], "latin1");
for (const [offset, length] of [field.mode, field.uid, field.gid, field.size, field.mtime, field.major, field.minor]) {
  template.fill(0x30, offset, offset + length - 1);
}
template.fill(0x20, field.checksum[0], field.checksum[0] + field.checksum[1]);

/** What one header block says; a number that does not fit its field stands in the pax header and is 0 here. */
interface Fields {
  readonly flag: number;
  readonly prefix?: Buffer | undefined;
  readonly name: Buffer | string;
  readonly linkName: Buffer | string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly mtime: number;
  readonly major: number;
  readonly minor: number;
}

/**
 * Encodes all header blocks of a tree's entry; content, padding and end mark are the caller's. The only place
 * that makes tar headers: ustar where everything fits, else a pax header in front. A pure function of the
 * entry: no owner names, no other times, xattrs (`SCHILY.xattr.*`) in the order of their names.
 * Throws `FORMATS_TAR_NAME` where a link target or attribute name cannot stand in a tar.
 */
export function encodeTarHeader(entry: Entry): Buffer {
  const linkName = entry.type === "symlink" || entry.type === "hardlink" ? entry.target : "";
  const device = entry.type === "char" || entry.type === "block";
  const size = entry.type === "file" ? entry.sizeBytes : 0;
  const major = device ? entry.major : 0;
  const minor = device ? entry.minor : 0;
  const name = tarNameOf(entry);
  if (linkName.includes("\0")) throw unwritable(entry, "the target holds a NUL byte");
  const records = needsPax(entry, size, major, minor) ? numberRecords(entry, size, major, minor) : [];
  const split = splitName(name);
  if (split === undefined) records.push(record("path", pathToBytes(name)));
  const shortLink = fits(linkName) ? linkName : pathToBytes(linkName);
  if (shortLink.length > 100) records.push(record("linkpath", shortLink as Buffer));
  if (entry.xattrs !== undefined) records.push(...xattrRecords(entry, entry.xattrs));
  const fields: Fields = {
    flag: flags[entry.type],
    prefix: split?.prefix,
    name: split?.name ?? pathToBytes(name).subarray(0, 100),
    linkName: shortLink.length > 100 ? (shortLink as Buffer).subarray(0, 100) : shortLink,
    mode: entry.mode,
    uid: within(entry.uid, idOctalMax),
    gid: within(entry.gid, idOctalMax),
    size: within(size, longOctalMax),
    mtime: within(entry.mtimeSeconds, longOctalMax),
    major: within(major, idOctalMax),
    minor: within(minor, idOctalMax),
  };
  if (records.length === 0) return writeBlock(Buffer.allocUnsafe(blockBytes), fields);
  return withPax(records, fields);
}

function needsPax(entry: Entry, size: number, major: number, minor: number): boolean {
  return (
    entry.uid > idOctalMax ||
    entry.gid > idOctalMax ||
    size > longOctalMax ||
    major > idOctalMax ||
    minor > idOctalMax ||
    entry.mtimeSeconds < 0 ||
    entry.mtimeSeconds > longOctalMax
  );
}

function within(value: number, max: number): number {
  return value < 0 || value > max ? 0 : value;
}

function numberRecords(entry: Entry, size: number, major: number, minor: number): Buffer[] {
  const records: Buffer[] = [];
  const add = (key: string, value: number, max: number): void => {
    if (within(value, max) !== value) records.push(record(key, Buffer.from(String(value))));
  };
  add("uid", entry.uid, idOctalMax);
  add("gid", entry.gid, idOctalMax);
  add("size", size, longOctalMax);
  add("mtime", entry.mtimeSeconds, longOctalMax);
  add("SCHILY.devmajor", major, idOctalMax);
  add("SCHILY.devminor", minor, idOctalMax);
  return records;
}

function xattrRecords(entry: Entry, xattrs: Readonly<Record<string, string>>): Buffer[] {
  return Object.keys(xattrs)
    .sort(compareOrdinal)
    .map((name) => {
      if (name === "" || /[=\0]/.test(name))
        throw unwritable(entry, `no tar can hold the attribute name ${quoteName(name)}`);
      return encodePaxRecord(pathToBytes(`SCHILY.xattr.${name}`), Buffer.from(xattrs[name] as string, "base64"));
    });
}

function record(key: string, value: Uint8Array): Buffer {
  return encodePaxRecord(Buffer.from(key), value);
}

function withPax(records: readonly Buffer[], fields: Fields): Buffer {
  const size = records.reduce((sum, item) => sum + item.length, 0);
  const padded = Math.ceil(size / blockBytes) * blockBytes;
  const out = Buffer.alloc(2 * blockBytes + padded);
  writeBlock(out, {
    flag: 0x78,
    name: paxName,
    linkName: "",
    mode: 0o644,
    uid: 0,
    gid: 0,
    size,
    mtime: 0,
    major: 0,
    minor: 0,
  });
  let at = blockBytes;
  for (const item of records) at += item.copy(out, at);
  writeBlock(out.subarray(blockBytes + padded), fields);
  return out;
}

/** Tells whether a text fits a field of 100 bytes for sure: short, and ASCII wherever it matters. */
function fits(text: string): boolean {
  return text.length <= 100 && isAscii(text);
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) >= 0x80) return false;
  return true;
}

/** Splits a name over the fields `prefix` and `name`, which a reader joins by a slash; undefined: too long. */
function splitName(name: string): { prefix?: Buffer; name: Buffer | string } | undefined {
  if (fits(name)) return { name };
  const bytes = pathToBytes(name);
  if (bytes.length <= 100) return { name: bytes };
  if (bytes.length > 256) return undefined;
  // The leftmost slash that leaves at most 100 bytes behind it; the last byte may be a directory's own slash.
  const slash = bytes.indexOf(0x2f, bytes.length - 101);
  if (slash <= 0 || slash > 155 || slash >= bytes.length - 1) return undefined;
  return { prefix: bytes.subarray(0, slash), name: bytes.subarray(slash + 1) };
}

function writeBlock(out: Buffer, fields: Fields): Buffer {
  template.copy(out);
  writeText(out, field.name[0], fields.name);
  writeText(out, field.linkName[0], fields.linkName);
  if (fields.prefix !== undefined) writeText(out, field.prefix[0], fields.prefix);
  out[field.type[0]] = fields.flag;
  writeOctal(out, field.mode, fields.mode);
  writeOctal(out, field.uid, fields.uid);
  writeOctal(out, field.gid, fields.gid);
  writeOctal(out, field.size, fields.size);
  writeOctal(out, field.mtime, fields.mtime);
  writeOctal(out, field.major, fields.major);
  writeOctal(out, field.minor, fields.minor);
  let sum = 0;
  for (let i = 0; i < blockBytes; i++) sum += out[i] as number;
  // Six digits, NUL, space: the checksum's own form.
  out.fill(0x30, field.checksum[0], field.checksum[0] + 6);
  writeOctal(out, [field.checksum[0], 7], sum);
  out[field.checksum[0] + 6] = 0;
  return out;
}

function writeText(out: Buffer, at: number, text: Buffer | string): void {
  if (text.length === 0) return;
  if (typeof text === "string") out.write(text, at, "latin1");
  else text.copy(out, at);
}

/** Writes all digits but the last byte, which stays NUL. */
function writeOctal(out: Buffer, [offset, length]: readonly [number, number], value: number): void {
  let rest = value;
  for (let i = offset + length - 2; rest > 0 && i >= offset; i--) {
    const next = Math.floor(rest / 8);
    out[i] = 0x30 + (rest - next * 8);
    rest = next;
  }
}

function unwritable(entry: Entry, fault: string): AshlarError {
  return new AshlarError("FORMATS_TAR_NAME", `Cannot write "/${entry.path}" to a tar: ${fault}`);
}
