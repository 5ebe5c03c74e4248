// SPDX-License-Identifier: Apache-2.0
import { posix } from "node:path";

import { AshlarError, pathToBytes } from "../base/index.ts";
import { type HeaderFields, idOctalMax, longOctalMax, tarFlags, writeHeaderBlock } from "./header-block.ts";
import { encodePaxRecord } from "./pax.ts";
import { blockBytes, quoteName, type TarEntry } from "./tar-entry.ts";
import { tarPadding } from "./tar-header.ts";

/** A member of a tar that somebody else wrote. */
export interface ForeignEntry extends TarEntry {
  /** As it stands in the archive: with bits of the file's type where the writer set them. */
  readonly mode: number;
  readonly userName: string;
  readonly groupName: string;
}

/**
 * Who wrote it: `go-posix` is Go's archive/tar, ustar, and pax where it has to be; `go-gnu` the same where it writes an
 * archive of GNU's format on; `gnu` GNU tar itself in that format.
 */
export type ForeignForm = "go-posix" | "go-gnu" | "gnu";

/** Text in the bytes of an archive. */
interface Texts {
  readonly name: Buffer;
  readonly linkName: Buffer;
  readonly userName: Buffer;
  readonly groupName: Buffer;
}

/**
 * Encodes all header blocks of a member as others do, to make their archives again; ours are made by
 * `encodeTarHeader`. Throws `FORMATS_TAR_REMAKE` where it is not known what they write.
 * (archive/tar of Go 1.10 to 1.26, `Header.allowedFormats` and `Writer`; GNU tar manual, "Basic Tar Format")
 */
export function encodeForeignHeader(entry: ForeignEntry, form: ForeignForm): Buffer {
  const texts: Texts = {
    name: pathToBytes(entry.name),
    linkName: pathToBytes(entry.linkName),
    userName: pathToBytes(entry.userName),
    groupName: pathToBytes(entry.groupName),
  };
  for (const number of [entry.mode, entry.major, entry.minor]) {
    if (!isOctal(number, idOctalMax)) throw unknown(entry, `the number ${number}`);
  }
  if (form !== "go-posix" && entry.xattrs === undefined) return encodeGnu(entry, texts, form === "gnu");
  const records = paxRecords(entry, texts);
  const prefix = texts.name.length > 100 ? splitPrefix(texts.name) : 0;
  const isUstar = [...records.keys()].every((key) => key === "path" && prefix > 0);
  if (isUstar) return writeHeaderBlock(Buffer.allocUnsafe(blockBytes), ustarFields(entry, texts, prefix));
  const main = writeHeaderBlock(Buffer.allocUnsafe(blockBytes), fieldsOf(entry, mapTexts(texts, toAscii)));
  return Buffer.concat([paxHeader(entry.name, records), main]);
}

function isOctal(value: number, max: number): boolean {
  return value >= 0 && value <= max;
}

function encodeGnu(entry: ForeignEntry, texts: Texts, byItself: boolean): Buffer {
  const { uid, gid, sizeBytes, mtimeSeconds, type } = entry;
  const fits = isOctal(uid, idOctalMax) && isOctal(gid, idOctalMax);
  if (!fits || !isOctal(sizeBytes, longOctalMax) || !isOctal(mtimeSeconds, longOctalMax)) {
    throw unknown(entry, "a number in base 256");
  }
  if (texts.userName.length > 32 || texts.groupName.length > 32) throw unknown(entry, "the owner's name");
  const names = texts.userName.length > 0 ? { userName: "root", groupName: "root" } : {};
  const longHeader = byItself ? { mode: 0o644, ...names } : {};
  const long = [
    ...(texts.name.length > 100 ? longText(texts.name, 0x4c, longHeader) : []),
    ...(texts.linkName.length > 100 ? longText(texts.linkName, 0x4b, longHeader) : []),
  ];
  const noDevice = byItself && type !== "char" && type !== "block";
  const fields = { ...fieldsOf(entry, texts), isGnu: true, noDevice };
  return Buffer.concat([...long, writeHeaderBlock(Buffer.allocUnsafe(blockBytes), fields)]);
}

function longText(text: Buffer, flag: number, header: Partial<HeaderFields>): Buffer[] {
  const size = text.length + 1;
  const block = rawHeader({ ...header, name: "././@LongLink", flag, size, isGnu: true });
  return [block, text, Buffer.alloc(1), tarPadding(size)];
}

const nothing = { linkName: "", mode: 0, uid: 0, gid: 0, mtime: 0, major: 0, minor: 0, noDevice: true };

function rawHeader(header: Partial<HeaderFields> & Pick<HeaderFields, "name" | "flag" | "size">): Buffer {
  return writeHeaderBlock(Buffer.allocUnsafe(blockBytes), { ...nothing, ...header });
}

/** What ustar cannot say, or not without splitting; in the order in which Go writes it. */
function paxRecords(entry: ForeignEntry, texts: Texts): ReadonlyMap<string, Uint8Array> {
  const { name, linkName, userName, groupName } = texts;
  const found: [string, Uint8Array][] = Object.entries(entry.xattrs ?? {}).map(([key, value]) => {
    if (key === "" || /[=\0]/.test(key)) throw unknown(entry, "an extended attribute's name");
    return [`SCHILY.xattr.${key}`, Buffer.from(value, "base64")];
  });
  const addText = (key: string, text: Buffer, max: number): void => {
    if (text.length > max || !isAscii(text)) found.push([key, text]);
  };
  const addNumber = (key: string, value: number, max: number): void => {
    if (!isOctal(value, max)) found.push([key, Buffer.from(String(value))]);
  };
  addText("path", name, 100);
  addText("linkpath", linkName, 100);
  addText("uname", userName, 32);
  addText("gname", groupName, 32);
  addNumber("uid", entry.uid, idOctalMax);
  addNumber("gid", entry.gid, idOctalMax);
  addNumber("size", entry.sizeBytes, longOctalMax);
  addNumber("mtime", entry.mtimeSeconds, longOctalMax);
  return new Map(found.sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b))));
}

function isAscii(text: Buffer): boolean {
  return text.every((byte) => byte < 0x80 && byte !== 0);
}

function toAscii(text: Buffer): Buffer {
  return isAscii(text) ? text : Buffer.from(text.filter((byte) => byte < 0x80 && byte !== 0));
}

function mapTexts({ name, linkName, userName, groupName }: Texts, change: (text: Buffer) => Buffer): Texts {
  return {
    name: change(name),
    linkName: change(linkName),
    userName: change(userName),
    groupName: change(groupName),
  };
}

/** Length of the part of a long name that goes into ustar's prefix: up to the last slash that allows it; 0: none. */
function splitPrefix(name: Buffer): number {
  if (!isAscii(name)) return 0;
  const end = name.length > 156 ? 156 : name.at(-1) === 0x2f ? name.length - 1 : name.length;
  const slash = name.subarray(0, end).lastIndexOf(0x2f);
  const rest = name.length - slash - 1;
  return slash <= 0 || slash > 155 || rest > 100 || rest === 0 ? 0 : slash;
}

function ustarFields(entry: ForeignEntry, texts: Texts, prefix: number): HeaderFields {
  if (prefix === 0) return fieldsOf(entry, texts);
  const name = texts.name.subarray(prefix + 1);
  return { ...fieldsOf(entry, { ...texts, name }), prefix: texts.name.subarray(0, prefix) };
}

function fieldsOf(entry: ForeignEntry, texts: Texts): HeaderFields {
  return {
    flag: tarFlags[entry.type],
    name: cut(texts.name, 100),
    linkName: cut(texts.linkName, 100),
    userName: cut(texts.userName, 32),
    groupName: cut(texts.groupName, 32),
    mode: entry.mode,
    uid: isOctal(entry.uid, idOctalMax) ? entry.uid : 0,
    gid: isOctal(entry.gid, idOctalMax) ? entry.gid : 0,
    size: isOctal(entry.sizeBytes, longOctalMax) ? entry.sizeBytes : 0,
    mtime: isOctal(entry.mtimeSeconds, longOctalMax) ? entry.mtimeSeconds : 0,
    major: entry.major,
    minor: entry.minor,
  };
}

/** A text that is cut behind a slash ends in front of it: some readers would take a file for a directory. */
function cut(text: Buffer, length: number): Buffer {
  if (text.length <= length) return text;
  const part = Buffer.from(text.subarray(0, length));
  if (part[length - 1] !== 0x2f) return part;
  let end = length - 1;
  while (end > 0 && part[end - 1] === 0x2f) end--;
  part[end] = 0;
  return part;
}

function paxHeader(name: string, records: ReadonlyMap<string, Uint8Array>): Buffer {
  const slash = name.lastIndexOf("/") + 1;
  const joined = posix.join(name.slice(0, slash), "PaxHeaders.0", name.slice(slash));
  let shown = toAscii(pathToBytes(joined)).subarray(0, 100);
  while (shown.at(-1) === 0x2f) shown = shown.subarray(0, -1);
  const payload = Buffer.concat([...records].map(([key, value]) => encodePaxRecord(Buffer.from(key), value)));
  const { length: size } = payload;
  return Buffer.concat([rawHeader({ name: shown, flag: 0x78, size }), payload, tarPadding(size)]);
}

function unknown(entry: ForeignEntry, what: string): AshlarError {
  const message = `Cannot make the header of ${quoteName(entry.name)} again: it is not known how ${what} was written`;
  return new AshlarError("FORMATS_TAR_REMAKE", message);
}
