// SPDX-License-Identifier: Apache-2.0
import { nameFromBytes } from "../base/index.ts";
import { tarError } from "./tar-entry.ts";
import { parseDecimal } from "./tar-number.ts";

/** What the records of pax headers say about one member; what we do not use is left out. */
export interface PaxValues {
  path?: string | undefined;
  linkpath?: string | undefined;
  size?: number | undefined;
  uid?: number | undefined;
  gid?: number | undefined;
  mtime?: number | undefined;
  major?: number | undefined;
  minor?: number | undefined;
  xattrs?: Map<string, string>;
}

const numberKeys: Readonly<Record<string, "size" | "uid" | "gid" | "mtime" | "major" | "minor">> = {
  size: "size",
  uid: "uid",
  gid: "gid",
  mtime: "mtime",
  "SCHILY.devmajor": "major",
  "SCHILY.devminor": "minor",
};
const xattrPrefix = "SCHILY.xattr.";

/**
 * Parses the payload of a pax header ("%d %s=%s\n" records, POSIX.1-2017 pax) on top of `base`. An empty value
 * takes a value back; of several the last counts. `at` is the payload's archive offset.
 * Throws `FORMATS_TAR_PAX`, `FORMATS_TAR_NUMBER`, `FORMATS_TAR_NAME`, `FORMATS_TAR_SPARSE`.
 */
export function parsePax(payload: Uint8Array, at: number, base: PaxValues = {}): PaxValues {
  const values: PaxValues = { ...base };
  let start = 0;
  while (start < payload.length) {
    const end = start + recordLength(payload, start, at);
    const space = payload.indexOf(0x20, start);
    const equals = payload.indexOf(0x3d, space);
    if (equals < 0 || equals >= end || equals === space + 1) throw tarError("PAX", at + start, "a record has no key");
    const key = nameFromBytes(payload.subarray(space + 1, equals));
    setValue(values, key, payload.subarray(equals + 1, end - 1), at + start);
    start = end;
  }
  return values;
}

function recordLength(payload: Uint8Array, start: number, at: number): number {
  let length = 0;
  let i = start;
  for (; i < payload.length && i < start + 8; i++) {
    const digit = (payload[i] as number) - 0x30;
    if (digit < 0 || digit > 9) break;
    length = length * 10 + digit;
  }
  if (i === start || payload[i] !== 0x20) throw tarError("PAX", at + start, "a record has no length");
  const end = start + length;
  if (end > payload.length || end <= i + 1 || payload[end - 1] !== 0x0a) {
    throw tarError("PAX", at + start, `a record of ${length} bytes does not end with a line feed`);
  }
  return length;
}

function setValue(values: PaxValues, key: string, value: Uint8Array, at: number): void {
  if (key === "path" || key === "linkpath") {
    if (value.includes(0)) throw tarError("NAME", at, `the pax ${key} holds a NUL byte`);
    values[key] = value.length === 0 ? undefined : nameFromBytes(value);
  } else if (key.startsWith(xattrPrefix)) setXattr(values, key.slice(xattrPrefix.length), value, at);
  else if (key.startsWith("GNU.sparse."))
    throw tarError("SPARSE", at, "sparse files are not supported, want them whole");
  else if (Object.hasOwn(numberKeys, key)) setNumber(values, key, value, at);
}

function setNumber(values: PaxValues, key: string, value: Uint8Array, at: number): void {
  const name = numberKeys[key] as "size";
  const number = value.length > 64 ? undefined : parseDecimal(Buffer.from(value).toString("latin1"));
  if (value.length > 0 && number === undefined) throw tarError("NUMBER", at, `the pax ${key} is not a number in range`);
  values[name] = number;
}

function setXattr(values: PaxValues, name: string, value: Uint8Array, at: number): void {
  if (name === "" || name.includes("\0")) throw tarError("PAX", at, "an extended attribute has no valid name");
  values.xattrs ??= new Map();
  values.xattrs.set(name, Buffer.from(value).toString("base64"));
}

/** One record; its length counts itself. `key` and `value` may hold any bytes, `key` no "=". */
export function encodePaxRecord(key: Uint8Array, value: Uint8Array): Buffer {
  const rest = key.length + value.length + 3;
  let length = rest + 1;
  while (String(length).length + rest !== length) length = String(length).length + rest;
  return Buffer.concat([Buffer.from(`${length} `), key, Buffer.from("="), value, Buffer.from("\n")]);
}
