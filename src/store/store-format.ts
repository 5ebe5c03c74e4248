// SPDX-License-Identifier: Apache-2.0
import { canonicalJson } from "../base/index.ts";

/** Versions that this release writes, and the last of those that it reads. What is shared has numbers of its own. */
export const privateVersion = 4;
export const sharedVersion = 5;
const sharedVersions = [3, sharedVersion];

/** What the files `format` and `sharing` say of a directory. */
export type StoreFormat =
  /** One user's own. */
  | { readonly kind: "private"; readonly version: number }
  /** What the members of a group share. */
  | { readonly kind: "shared"; readonly version: number; readonly gid: number }
  /** One user's own part; the rest is shared. */
  | ({ readonly kind: "member"; readonly version: number } & SharedPlace)
  | { readonly kind: "newer"; readonly version: number };

/** One that this release can use. */
export type KnownFormat = Exclude<StoreFormat, { kind: "newer" }>;

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
  if (!sharedVersions.includes(version)) return rest === "" ? { kind: "private", version } : undefined;
  const [, gid] = /^group (\d{1,10})\n$/.exec(rest) ?? [];
  if (gid !== undefined) return { kind: "shared", version, gid: Number(gid) };
  const place = parseMember(rest);
  return place === undefined ? undefined : { kind: "member", version, ...place };
}

/** Tells whether the file `format` alone says that `sharing` is there. */
export function isSharedHead(text: string): boolean {
  return sharedVersions.some((version) => text === headOf(version));
}

function parseMember(rest: string): SharedPlace | undefined {
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
  return { shared, uid, gid };
}

function isId(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) < 2 ** 32;
}

/** Encodes what a directory says: `format`, and `sharing` after it. */
export function encodeStoreFormat(format: KnownFormat): string {
  const head = headOf(format.version);
  if (format.kind === "private") return head;
  if (format.kind === "shared") return `${head}group ${format.gid}\n`;
  const { shared, uid, gid } = format;
  return `${head}member ${canonicalJson({ shared, uid, gid })}\n`;
}

function headOf(version: number): string {
  return `ashlar store ${version}\n`;
}
