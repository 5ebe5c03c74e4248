// SPDX-License-Identifier: Apache-2.0
import { closeSync, constants, openSync, renameSync } from "node:fs";
import { createRequire } from "node:module";

import { AshlarError, compareOrdinal, isSystemError, nameFromBytes } from "../base/index.ts";
import { freePath } from "./layout.ts";

interface XattrModule {
  listAttributesSync(path: string): string[];
  getAttributeSync(path: string, name: string): Buffer | null;
  removeAttributeSync(path: string, name: string): void;
  setAttributeSync(path: string, name: string, value: Uint8Array): void;
}

type Xattrs = Readonly<Record<string, string>>;

/** Node has no calls for extended attributes; the native module is optional and loaded when first needed. */
let loaded: XattrModule | undefined;

function load(): XattrModule {
  if (loaded !== undefined) return loaded;
  try {
    loaded = createRequire(import.meta.url)("@napi-rs/xattr") as XattrModule;
    return loaded;
  } catch (cause) {
    const state = "the optional package @napi-rs/xattr is not there for this platform";
    throw new AshlarError("STORE_XATTR_UNSUPPORTED", `Cannot set extended attributes: ${state}`, {
      hint: "run: npm ci --include=optional",
      cause,
    });
  }
}

/** Sets attributes (values in base64) on a file, directory or symlink itself. Throws `STORE_XATTR_UNSUPPORTED`. */
export function writeXattrs(path: string | Buffer, xattrs: Xattrs | undefined): void {
  if (xattrs === undefined) return;
  const names = Object.keys(xattrs).sort(compareOrdinal);
  withText(path, (text) => {
    for (const name of names) writeXattr(text, name, Buffer.from(xattrs[name] as string, "base64"));
  });
}

function writeXattr(path: string, name: string, value: Uint8Array): void {
  try {
    load().setAttributeSync(path, name, value);
  } catch (cause) {
    if (cause instanceof AshlarError) throw cause;
    const state = cause instanceof Error ? cause.message : "refused";
    throw new AshlarError("STORE_XATTR_UNSUPPORTED", `Cannot set attribute "${name}" of "${path}": ${state}`, {
      hint: "use a file system with extended attributes",
      cause,
    });
  }
}

/** The attributes of a file itself, values in base64; undefined where it has none or they cannot be read. */
export function readXattrs(path: string): Xattrs | undefined {
  const names = load().listAttributesSync(path).sort(compareOrdinal);
  if (names.length === 0) return undefined;
  return Object.fromEntries(names.map((name) => [name, load().getAttributeSync(path, name)?.toString("base64") ?? ""]));
}

/** What a file has by itself, from the system's policies. */
const ownAttributes = /^security\.(selinux|ima|evm|SMACK64\w*)$/;

/** Takes away what a directory has beside `xattrs`, and sets those. */
export function replaceXattrs(path: string | Buffer, xattrs: Xattrs | undefined): void {
  withText(path, (text) => {
    for (const name of load().listAttributesSync(text)) {
      if (xattrs?.[name] === undefined && !ownAttributes.test(name)) load().removeAttributeSync(text, name);
    }
  });
  writeXattrs(path, xattrs);
}

/**
 * The module takes names as text only. What has another name is had through a descriptor (proc_pid_fd(5)): a
 * directory through its own, anything else through its directory's, for this moment under a name of text.
 */
function withText(path: string | Buffer, step: (text: string) => void): void {
  if (typeof path === "string") return step(path);
  const own = openDir(path);
  if (own !== undefined) return withDescriptor(own, (text) => step(`${text}/.`));
  const parent = openDir(path.subarray(0, path.lastIndexOf(47)));
  if (parent === undefined) throw new Error("internal error: a parent is no directory");
  withDescriptor(parent, (text) => {
    const name = nameFromBytes(path.subarray(path.lastIndexOf(47) + 1));
    if (name.isWellFormed()) return step(`${text}/${name}`);
    const other = freePath(text);
    renameSync(path, other);
    try {
      step(other);
    } finally {
      renameSync(other, path);
    }
  });
}

function withDescriptor(fd: number, step: (text: string) => void): void {
  try {
    step(`/proc/self/fd/${fd}`);
  } finally {
    closeSync(fd);
  }
}

function openDir(path: Buffer): number | undefined {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  } catch (error) {
    if (isSystemError(error, "ENOTDIR", "ELOOP")) return undefined;
    throw error;
  }
}
