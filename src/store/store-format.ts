// SPDX-License-Identifier: Apache-2.0
import { canonicalJson } from "../base/index.ts";

/** Versions that this release reads. A store of one user has 2, a shared one and those of its members 3. */
export const privateVersion = 2;
export const sharedVersion = 3;

/** What the files `format` and `sharing` say of a directory. */
export type StoreFormat =
  /** One user's own. */
  | { readonly kind: "private"; readonly version: number }
  /** What the members of a group share. */
  | { readonly kind: "shared"; readonly gid: number }
  /** One user's own part; the rest is shared. */
  | ({ readonly kind: "member" } & SharedPlace)
  | { readonly kind: "newer"; readonly version: number };

/** A shared directory, and whose it was when the user said to use it. */
export interface SharedPlace {
  readonly shared: string;
  readonly uid: number;
  readonly gid: number;
}

/** Parses the text of the file `format`, and of `sharing` after it; undefined where it is damaged. */
export function parseStoreFormat(text: string): StoreFormat | undefined {
  const [, digits, rest] = /^ashlar store ([1-9][0-9]{0,8})\n([^]*)$/.exec(text) ?? [];
  if (digits === undefined || rest === undefined) return undefined;
  const version = Number(digits);
  if (version > sharedVersion) return { kind: "newer", version };
  if (version < sharedVersion) return rest === "" ? { kind: "private", version } : undefined;
  const [, gid] = /^group (\d{1,10})\n$/.exec(rest) ?? [];
  return gid === undefined ? parseMember(rest) : { kind: "shared", gid: Number(gid) };
}

function parseMember(rest: string): StoreFormat | undefined {
  const [, json] = /^member ([^\n]+)\n$/.exec(rest) ?? [];
  if (json === undefined) return undefined;
  let value: { readonly shared?: unknown; readonly uid?: unknown; readonly gid?: unknown } | null;
  try {
    value = JSON.parse(json) as typeof value;
  } catch {
    return undefined;
  }
  const { shared, uid, gid } = value ?? {};
  if (typeof shared !== "string" || !/^\/[^\0]*$/.test(shared) || !isId(uid) || !isId(gid)) return undefined;
  return { kind: "member", shared, uid, gid };
}

function isId(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) < 2 ** 32;
}

/** Encodes what a directory made by this release says. */
export function encodeStoreFormat(format: Exclude<StoreFormat, { kind: "newer" }>): string {
  const version = format.kind === "private" ? format.version : sharedVersion;
  const head = `ashlar store ${version}\n`;
  if (format.kind === "private") return head;
  if (format.kind === "shared") return `${head}group ${format.gid}\n`;
  const { shared, uid, gid } = format;
  return `${head}member ${canonicalJson({ shared, uid, gid })}\n`;
}
