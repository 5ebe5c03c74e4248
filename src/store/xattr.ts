// SPDX-License-Identifier: Apache-2.0
import { createRequire } from "node:module";

import { AshlarError, compareOrdinal } from "../base/index.ts";

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
  for (const name of Object.keys(xattrs).sort(compareOrdinal)) {
    try {
      load().setAttributeSync(nameOf(path), name, Buffer.from(xattrs[name] as string, "base64"));
    } catch (cause) {
      if (cause instanceof AshlarError) throw cause;
      const state = cause instanceof Error ? cause.message : "refused";
      throw new AshlarError("STORE_XATTR_UNSUPPORTED", `Cannot set attribute "${name}" of "${path}": ${state}`, {
        hint: "use a file system with extended attributes",
        cause,
      });
    }
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
  for (const name of load().listAttributesSync(nameOf(path))) {
    if (xattrs?.[name] === undefined && !ownAttributes.test(name)) load().removeAttributeSync(nameOf(path), name);
  }
  writeXattrs(path, xattrs);
}

/** The module takes names as text only. */
function nameOf(path: string | Buffer): string {
  if (typeof path === "string") return path;
  const state = "its name is not UTF-8";
  throw new AshlarError("STORE_XATTR_UNSUPPORTED", `Cannot set extended attributes of "${path}": ${state}`);
}
