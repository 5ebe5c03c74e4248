// SPDX-License-Identifier: Apache-2.0
import { AshlarError } from "../base/index.ts";

export type TarType = "file" | "dir" | "symlink" | "hardlink" | "char" | "block" | "fifo";

/** One member of a tar as it stands in the archive; nothing of it is trusted or normalised. */
export interface TarEntry {
  /** The raw name by `nameFromBytes`, with `./` and trailing slashes as written. For `parseEntryName`. */
  readonly name: string;
  readonly type: TarType;
  /** 0 to 0o7777. */
  readonly mode: number;
  /** 0 to 2^32 - 2, as `gid`. */
  readonly uid: number;
  readonly gid: number;
  /** Whole seconds, rounded down; may be negative. */
  readonly mtimeSeconds: number;
  /** 0 for everything but files. */
  readonly sizeBytes: number;
  /** The raw target of a symlink or hard link, else "". */
  readonly linkName: string;
  /** 0 for everything but devices, as `minor`. */
  readonly major: number;
  readonly minor: number;
  /** Name to base64 of the value, from pax `SCHILY.xattr.*`. */
  readonly xattrs?: Readonly<Record<string, string>>;
}

export const blockBytes = 512;

/** Where the fields of a header block lie (POSIX.1-2017 pax, "ustar Interchange Format"). */
export const field = {
  name: [0, 100],
  mode: [100, 8],
  uid: [108, 8],
  gid: [116, 8],
  size: [124, 12],
  mtime: [136, 12],
  checksum: [148, 8],
  type: [156, 1],
  linkName: [157, 100],
  magic: [257, 8],
  userName: [265, 32],
  groupName: [297, 32],
  major: [329, 8],
  minor: [337, 8],
  prefix: [345, 155],
} as const satisfies Record<string, readonly [offset: number, length: number]>;

/** `offset` counts bytes of the uncompressed archive. */
export function tarError(reason: string, offset: number, fault: string): AshlarError {
  return new AshlarError(`FORMATS_TAR_${reason}`, `Cannot read tar at byte ${offset}: ${fault}`, {
    details: { offset },
  });
}

/** A name for messages: quoted and cut. */
export function quoteName(name: string): string {
  return JSON.stringify(name.length > 200 ? `${name.slice(0, 200)}...` : name);
}
