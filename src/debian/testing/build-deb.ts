// SPDX-License-Identifier: Apache-2.0
import { createHash } from "node:crypto";

import { digestOf, type ImagePath, parentOf, parsePath } from "../../base/index.ts";
import {
  type Entry,
  encodeTarHeader,
  GzipWriter,
  makeTree,
  plainFrame,
  tarEnd,
  tarPadding,
} from "../../formats/index.ts";
import { buildAr } from "./build-ar.ts";
import { storeXz } from "./store-xz.ts";

/** One thing in a package. Text or bytes alone are a file of mode 0644. */
export type DebFile =
  | string
  | Uint8Array
  | (DebMeta & { readonly type: "file"; readonly content: string | Uint8Array })
  | (DebMeta & { readonly type: "dir" })
  | (DebMeta & { readonly type: "symlink"; readonly target: string })
  /** `target` is a path of the same package, smaller than this one. */
  | (DebMeta & { readonly type: "hardlink"; readonly target: string });

interface DebMeta {
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly mtimeSeconds?: number;
  /** Name to base64. */
  readonly xattrs?: Readonly<Record<string, string>>;
}

export type DebCompression = "none" | "gzip" | "xz" | "zstd";

export interface DebOptions {
  /** Package, Version and Architecture; Maintainer and Description are filled in. */
  readonly fields: Readonly<Record<string, string>>;
  /** By path; directories above are made, 0755. */
  readonly files?: Readonly<Record<string, DebFile>>;
  /** Further files of control.tar: maintainer scripts (0755), conffiles, triggers, ... */
  readonly control?: Readonly<Record<string, string>>;
  readonly compression?: DebCompression;
  /** Leaves md5sums out, as old packages do: dpkg makes them. */
  readonly noMd5?: boolean;
}

/** 1 January 2024: a time unlike 0, so that tests see who sets it to 0. */
const fixtureMtimeSeconds = 1_704_067_200;
const scripts = ["preinst", "postinst", "prerm", "postrm", "config"];

/**
 * Builds a .deb in memory as dpkg-deb lays it out. The bytes are a function of the options alone, on any machine:
 * gzip is pako's, xz and zstd are written by us without compressing.
 */
export function buildDeb({ fields, files = {}, control = {}, compression = "none", noMd5 }: DebOptions): Uint8Array {
  const payload = entriesOf(files);
  const controlFiles: Record<string, DebFile> = {
    control: encodeControl(fields),
    ...(noMd5 === true ? {} : { md5sums: encodeMd5sums(payload) }),
  };
  for (const [name, content] of Object.entries(control)) {
    controlFiles[name] = { type: "file", content, mode: scripts.includes(name) ? 0o755 : 0o644 };
  }
  const suffix = { none: "", gzip: ".gz", xz: ".xz", zstd: ".zst" }[compression];
  return buildAr([
    { name: "debian-binary", bytes: Buffer.from("2.0\n") },
    { name: `control.tar${suffix}`, bytes: compress(encodeTar(entriesOf(controlFiles)), compression) },
    { name: `data.tar${suffix}`, bytes: compress(encodeTar(payload), compression) },
  ]);
}

/** Compresses deterministically; see `buildDeb`. */
export function compress(bytes: Uint8Array, compression: DebCompression): Uint8Array {
  switch (compression) {
    case "none":
      return bytes;
    case "gzip": {
      const writer = new GzipWriter();
      return Buffer.concat([...writer.push(bytes), ...writer.finish()]);
    }
    case "xz":
      return storeXz(bytes);
    case "zstd":
      return plainFrame(bytes);
  }
}

/** The fields that the control file of such a package has, with those that were filled in. */
export function controlFieldsOf(fields: DebOptions["fields"]): Readonly<Record<string, string>> {
  const { Package: name, ...rest } = fields;
  return {
    Package: name ?? "",
    Maintainer: "Ashlar Fixtures <fixtures@example.org>",
    Description: `fixture ${name ?? ""}`,
    ...rest,
  };
}

function encodeControl(fields: DebOptions["fields"]): string {
  return Object.entries(controlFieldsOf(fields))
    .map(([name, value]) => `${name}: ${value}\n`)
    .join("");
}

interface Item {
  readonly entry: Entry;
  readonly content: Uint8Array | undefined;
}

function encodeMd5sums(items: readonly Item[]): string {
  const lines = items.flatMap(({ entry, content }) => {
    if (content === undefined || entry.type !== "file") return [];
    return [`${createHash("md5").update(content).digest("hex")}  ${entry.path}\n`];
  });
  return lines.join("");
}

function entriesOf(files: Readonly<Record<string, DebFile>>): readonly Item[] {
  const items = new Map<ImagePath, Item>();
  for (const [name, file] of Object.entries(files)) {
    const path = parsePath(name);
    items.set(path, itemOf(path, file));
  }
  for (const path of [...items.keys()]) {
    for (let dir = parentOf(path); dir !== undefined; dir = parentOf(dir)) {
      if (!items.has(dir)) items.set(dir, itemOf(dir, { type: "dir" }));
    }
  }
  const tree = makeTree([...items.values()].map(({ entry }) => entry));
  return tree.map((entry) => items.get(entry.path) as Item);
}

function itemOf(path: ImagePath, given: DebFile): Item {
  const file =
    typeof given === "string" || given instanceof Uint8Array
      ? { type: "file" as const, content: given }
      : given;
  const fallback = file.type === "dir" ? 0o755 : file.type === "symlink" ? 0o777 : 0o644;
  const meta = {
    path,
    mode: file.mode ?? fallback,
    uid: file.uid ?? 0,
    gid: file.gid ?? 0,
    mtimeSeconds: file.mtimeSeconds ?? fixtureMtimeSeconds,
    ...(file.xattrs === undefined ? {} : { xattrs: file.xattrs }),
  };
  switch (file.type) {
    case "file": {
      const content = Buffer.from(file.content as string);
      return {
        entry: { ...meta, type: "file", sizeBytes: content.length, content: digestOf(content) },
        content,
      };
    }
    case "dir":
      return { entry: { ...meta, type: "dir" }, content: undefined };
    case "symlink":
      return { entry: { ...meta, type: "symlink", target: file.target }, content: undefined };
    case "hardlink":
      return { entry: { ...meta, type: "hardlink", target: parsePath(file.target) }, content: undefined };
  }
}

function encodeTar(items: readonly Item[]): Uint8Array {
  const root: Entry = {
    type: "dir",
    path: "." as ImagePath,
    mode: 0o755,
    uid: 0,
    gid: 0,
    mtimeSeconds: fixtureMtimeSeconds,
  };
  const parts: Uint8Array[] = [encodeTarHeader(root)];
  for (const { entry, content } of items) {
    parts.push(encodeTarHeader(dotted(entry)));
    if (content !== undefined) parts.push(content, tarPadding(content.length));
  }
  return Buffer.concat([...parts, tarEnd]);
}

/** Names in a .deb start with "./", which is no image path. */
function dotted(entry: Entry): Entry {
  const path = `./${entry.path}` as ImagePath;
  return entry.type === "hardlink"
    ? { ...entry, path, target: `./${entry.target}` as ImagePath }
    : { ...entry, path };
}
