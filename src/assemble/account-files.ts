// SPDX-License-Identifier: Apache-2.0
import { AshlarError, limits } from "../base/index.ts";

/** A line of /etc/passwd (passwd(5)). */
export interface PasswdLine {
  readonly name: string;
  /** "*": nobody logs in by password. */
  readonly password: string;
  readonly uid: number;
  readonly gid: number;
  readonly gecos: string;
  readonly home: string;
  readonly shell: string;
}

/** A line of /etc/group (group(5)). */
export interface GroupLine {
  readonly name: string;
  readonly password: string;
  readonly gid: number;
  readonly members: readonly string[];
}

/** Parses /etc/passwd or base-passwd's passwd.master. Throws `ASSEMBLE_ACCOUNTS_INVALID` with the line's number. */
export function parsePasswd(bytes: Uint8Array, what: string): readonly PasswdLine[] {
  return parseLines(bytes, { what, fieldCount: 7 }, (fields, id) => {
    const [name, password, uid, gid, gecos, home, shell] = fields as [
      string,
      string,
      string,
      string,
      string,
      string,
      string,
    ];
    return { name, password, uid: id(uid), gid: id(gid), gecos, home, shell };
  });
}

/** Parses /etc/group or base-passwd's group.master. Throws `ASSEMBLE_ACCOUNTS_INVALID` with the line's number. */
export function parseGroup(bytes: Uint8Array, what: string): readonly GroupLine[] {
  return parseLines(bytes, { what, fieldCount: 4 }, (fields, id) => {
    const [name, password, gid, members] = fields as [string, string, string, string];
    return { name, password, gid: id(gid), members: members === "" ? [] : members.split(",") };
  });
}

function parseLines<T extends { readonly name: string }>(
  bytes: Uint8Array,
  { what, fieldCount }: { readonly what: string; readonly fieldCount: number },
  toLine: (fields: readonly string[], id: (text: string) => number) => T,
): readonly T[] {
  if (bytes.length > limits.textBytesMax)
    throw invalid(what, 1, `${bytes.length} bytes, at most ${limits.textBytesMax}`);
  const lines: T[] = [];
  const names = new Set<string>();
  const texts = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("utf8").split("\n");
  texts.forEach((text, i) => {
    if (text === "") return;
    const fields = text.split(":");
    if (fields.length !== fieldCount) throw invalid(what, i + 1, `${fields.length} fields, want ${fieldCount}`);
    const line = toLine(fields, (id) => parseId(id, what, i + 1));
    if (line.name === "" || names.has(line.name))
      throw invalid(what, i + 1, `name "${line.name}" is empty or occurs twice`);
    names.add(line.name);
    lines.push(line);
  });
  return lines;
}

function parseId(text: string, what: string, line: number): number {
  const id = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (id <= 2 ** 32 - 2) return id;
  throw invalid(what, line, `"${text.slice(0, 40)}" is no id, want a number up to 4294967294`);
}

function invalid(what: string, line: number, fault: string): AshlarError {
  return new AshlarError("ASSEMBLE_ACCOUNTS_INVALID", `Cannot read ${what}: line ${line}, ${fault}`);
}

export function encodePasswd(lines: readonly PasswdLine[]): Uint8Array {
  const text = lines.map((line) =>
    [line.name, line.password, line.uid, line.gid, line.gecos, line.home, line.shell].join(":"),
  );
  return Buffer.from(text.map((line) => `${line}\n`).join(""), "utf8");
}

export function encodeGroup(lines: readonly GroupLine[]): Uint8Array {
  const text = lines.map((line) => [line.name, line.password, line.gid, line.members.join(",")].join(":"));
  return Buffer.from(text.map((line) => `${line}\n`).join(""), "utf8");
}
