// SPDX-License-Identifier: Apache-2.0
import { blockBytes, field } from "./tar-entry.ts";

export const tarFlags = {
  file: 0x30,
  hardlink: 0x31,
  symlink: 0x32,
  char: 0x33,
  block: 0x34,
  dir: 0x35,
  fifo: 0x36,
} as const;
/** The largest numbers of the fields of 8 and of 12 bytes. */
export const idOctalMax = 0o7777777;
export const longOctalMax = 0o77777777777;

/** What one header block says; a number that does not fit its field stands elsewhere and is 0 here. */
export interface HeaderFields {
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
  readonly userName?: Buffer | string;
  readonly groupName?: Buffer | string;
  /** GNU's magic instead of POSIX's. */
  readonly isGnu?: boolean;
  /** Leaves out the device's number, as extended headers may. */
  readonly noDevice?: boolean;
}

const template = Buffer.alloc(blockBytes);
template.write("ustar\x0000", field.magic[0], "latin1");
for (const [offset, length] of [field.mode, field.uid, field.gid, field.size, field.mtime, field.major, field.minor]) {
  template.fill(0x30, offset, offset + length - 1);
}
template.fill(0x20, field.checksum[0], field.checksum[0] + field.checksum[1]);

/** Writes a header block over `out`, which has its size, and returns it. Texts are strings where they are ASCII. */
export function writeHeaderBlock(out: Buffer, fields: HeaderFields): Buffer {
  template.copy(out);
  if (fields.isGnu === true) out.write("ustar  \0", field.magic[0], "latin1");
  writeText(out, field.name[0], fields.name);
  writeText(out, field.linkName[0], fields.linkName);
  if (fields.prefix !== undefined) writeText(out, field.prefix[0], fields.prefix);
  if (fields.userName !== undefined) writeText(out, field.userName[0], fields.userName);
  if (fields.groupName !== undefined) writeText(out, field.groupName[0], fields.groupName);
  out[field.type[0]] = fields.flag;
  writeOctal(out, field.mode, fields.mode);
  writeOctal(out, field.uid, fields.uid);
  writeOctal(out, field.gid, fields.gid);
  writeOctal(out, field.size, fields.size);
  writeOctal(out, field.mtime, fields.mtime);
  if (fields.noDevice === true) out.fill(0, field.major[0], field.minor[0] + field.minor[1]);
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
