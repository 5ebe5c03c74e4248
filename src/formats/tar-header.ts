// SPDX-License-Identifier: Apache-2.0
import { AshlarError, compareOrdinal, pathToBytes } from "../base/index.ts";
import { encodePaxRecord } from "./pax.ts";
import { type HeaderFields, idOctalMax, longOctalMax, tarFlags, writeHeaderBlock } from "./header-block.ts";
import { blockBytes, quoteName } from "./tar-entry.ts";
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

const paxName = Buffer.from("././@PaxHeader");

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
  const fields: HeaderFields = {
    flag: tarFlags[entry.type],
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
  if (records.length === 0) return writeHeaderBlock(Buffer.allocUnsafe(blockBytes), fields);
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

function withPax(records: readonly Buffer[], fields: HeaderFields): Buffer {
  const size = records.reduce((sum, item) => sum + item.length, 0);
  const padded = Math.ceil(size / blockBytes) * blockBytes;
  const out = Buffer.alloc(2 * blockBytes + padded);
  writeHeaderBlock(out, {
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
  writeHeaderBlock(out.subarray(blockBytes + padded), fields);
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

function unwritable(entry: Entry, fault: string): AshlarError {
  return new AshlarError("FORMATS_TAR_NAME", `Cannot write "/${entry.path}" to a tar: ${fault}`);
}
