// SPDX-License-Identifier: Apache-2.0
import { AshlarError } from "../base/index.ts";

/** Random access to bytes that lie somewhere: a buffer or an open file. */
export interface ByteReader {
  readonly sizeBytes: number;
  /** Exactly `length` bytes from `offset`, both within `sizeBytes`. */
  read(offset: number, length: number): Uint8Array;
}

export interface ArMember {
  /** Without the padding and GNU's slash behind it. */
  readonly name: string;
  /** Where the content starts. */
  readonly offset: number;
  readonly sizeBytes: number;
}

const magic = "!<arch>\n";
const headerBytes = 60;
/** A .deb has three members. */
const memberCountMax = 64;

/**
 * Parses the member list of an ar archive as .deb files use it: short names, no symbol tables. Strict: every
 * byte of the archive belongs to a header, a member or its padding. Throws `FORMATS_AR_INVALID` with the
 * offset. Source: deb(5), ar(5).
 */
export function parseAr(read: ByteReader): ArMember[] {
  if (read.sizeBytes < magic.length || latin1(read.read(0, magic.length)) !== magic) {
    throw invalid(0, "it does not begin with !<arch>");
  }
  const members: ArMember[] = [];
  let at = magic.length;
  while (at < read.sizeBytes) {
    if (members.length === memberCountMax) throw invalid(at, `it has more than ${memberCountMax} members`);
    const member = parseMember(read, at);
    members.push(member);
    at = endOf(read, member);
  }
  return members;
}

function parseMember(read: ByteReader, at: number): ArMember {
  if (at + headerBytes > read.sizeBytes) throw invalid(at, "a member's header is cut off");
  const header = latin1(read.read(at, headerBytes));
  if (!header.endsWith("`\n")) throw invalid(at, "a member's header has no end mark");
  const size = /^([0-9]{1,10}) *$/.exec(header.slice(48, 58))?.[1];
  if (size === undefined) throw invalid(at, "a member's size is not a number");
  const name = header
    .slice(0, 16)
    .replace(/ +$/, "")
    .replace(/(?<=.)\/$/, "");
  if (!/^[\x21-\x2e\x30-\x7e]+$/.test(name))
    throw invalid(at, `the member name ${JSON.stringify(name)} is not supported`);
  const member = { name, offset: at + headerBytes, sizeBytes: Number(size) };
  if (member.offset + member.sizeBytes > read.sizeBytes) throw invalid(at, `the member "${name}" is cut off`);
  return member;
}

/** Where the next header starts: members begin at even offsets, with a line feed between where needed. */
function endOf(read: ByteReader, member: ArMember): number {
  const end = member.offset + member.sizeBytes;
  if (end % 2 === 0) return end;
  // The last member's padding may be missing.
  if (end === read.sizeBytes) return end;
  if (read.read(end, 1)[0] !== 0x0a) throw invalid(end, `the padding of the member "${member.name}" is no line feed`);
  return end + 1;
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
}

function invalid(offset: number, fault: string): AshlarError {
  return new AshlarError("FORMATS_AR_INVALID", `Cannot read ar archive: at byte ${offset}, ${fault}`, {
    details: { offset },
  });
}
