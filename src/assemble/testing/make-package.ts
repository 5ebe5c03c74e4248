// SPDX-License-Identifier: Apache-2.0
import { type Digest, digestOf, parsePath } from "../../base/index.ts";
import { type Entry, makeTree, type Tree } from "../../formats/index.ts";
import type { LockedPackage } from "../../lock/index.ts";
import type { Contents, UnpackedPackage } from "../content.ts";

export type MemoryContents = Contents & { readonly putText: (text: string) => { digest: Digest; sizeBytes: number } };

/** Contents in memory: what was put can be read, anything else fails the test. */
export function memoryContents(): MemoryContents {
  const contents = new Map<Digest, Uint8Array>();
  const put = (bytes: Uint8Array): { digest: Digest; sizeBytes: number } => {
    const digest = digestOf(bytes);
    contents.set(digest, bytes);
    return { digest, sizeBytes: bytes.length };
  };
  return {
    put,
    putText: (text) => put(Buffer.from(text, "utf8")),
    read: (digest) => {
      const bytes = contents.get(digest);
      if (bytes === undefined) throw new Error(`the test put no content ${digest}`);
      return bytes;
    },
  };
}

/** A text is a 0644 file; a path ending in "/" is a directory; the rest as written. */
export type EntrySpec =
  | string
  | { readonly link: string }
  | { readonly hardlink: string }
  | (Partial<Pick<Entry, "mode" | "uid" | "gid" | "mtimeSeconds" | "xattrs">> & { readonly text?: string })
  | Entry;

/** A tree out of values. Parents that are not named are directories of root, 0755. */
export function makeEntries(
  specs: Readonly<Record<string, EntrySpec>>,
  put: (text: string) => { digest: Digest; sizeBytes: number },
): Tree {
  const entries = new Map<string, Entry>();
  for (const [name, spec] of Object.entries(specs)) {
    const parts = name.replace(/\/$/, "").split("/");
    parts.slice(0, -1).forEach((_, i) => {
      const path = parsePath(parts.slice(0, i + 1).join("/"));
      if (!entries.has(path)) entries.set(path, { ...plain, type: "dir", path, mode: 0o755 });
    });
    entries.set(parts.join("/"), makeEntry(name, spec, put));
  }
  return makeTree(entries.values());
}

const plain = { uid: 0, gid: 0, mtimeSeconds: 0 };

function makeEntry(name: string, spec: EntrySpec, put: (text: string) => { digest: Digest; sizeBytes: number }): Entry {
  const path = parsePath(name);
  if (typeof spec === "string") return makeEntry(name, { text: spec }, put);
  if ("type" in spec) return { ...spec, path } as Entry;
  if ("link" in spec) return { ...plain, type: "symlink", path, mode: 0o777, target: spec.link };
  if ("hardlink" in spec) return { ...plain, type: "hardlink", path, mode: 0o644, target: parsePath(spec.hardlink) };
  const { text, ...meta } = spec;
  if (name.endsWith("/")) return { ...plain, mode: 0o755, ...meta, type: "dir", path };
  const { digest: content, sizeBytes } = put(text ?? "");
  return { ...plain, mode: 0o644, ...meta, type: "file", path, content, sizeBytes };
}

export interface PackageSpec extends Partial<Pick<LockedPackage, "version" | "architecture" | "phase" | "use">> {
  readonly files?: Readonly<Record<string, EntrySpec>>;
  /** Further fields of the control stanza. */
  readonly fields?: Readonly<Record<string, string>>;
  /** Files of control.tar beside control. */
  readonly control?: Readonly<Record<string, string>>;
}

/** A package out of values. */
export function makePackage(name: string, spec: PackageSpec, contents: MemoryContents): UnpackedPackage {
  const { version = "1.0", architecture = "amd64", phase = "packages", use = "install" } = spec;
  const fields = {
    Package: name,
    Version: version,
    Architecture: architecture,
    Maintainer: "A <a@example.com>",
    ...spec.fields,
  };
  const stanza = Object.entries(fields).map(([key, value]) => `${key}: ${value}\n`);
  const control = { control: `${stanza.join("")}Description: ${name}\n more\n`, ...spec.control };
  const tree = makeEntries(spec.files ?? {}, contents.putText);
  const listed = tree.map(({ path }) => `/${path}\n`).join("");
  return {
    locked: {
      name,
      version,
      architecture,
      phase,
      use,
      digest: digestOf(name),
      sizeBytes: 1,
      filename: `pool/${name}.deb`,
      sourceName: name,
      sourceVersion: version,
      from: "bookworm",
      by: ["spec"],
    },
    tree,
    control: new Map(Object.entries(control).map(([file, text]) => [file, contents.putText(text).digest])),
    list: contents.putText(`/.\n${listed}`).digest,
  };
}

/** A tree as text: one line an entry, as people compare them. */
export function dumpTree(tree: Tree, contents?: Contents): string[] {
  return tree.map((entry) => {
    const head = `/${entry.path} ${entry.type} ${entry.mode.toString(8).padStart(4, "0")} ${entry.uid}:${entry.gid}`;
    switch (entry.type) {
      case "file":
        return contents === undefined
          ? head
          : `${head} ${JSON.stringify(Buffer.from(contents.read(entry.content)).toString())}`;
      case "symlink":
        return `/${entry.path} -> ${entry.target}`;
      case "hardlink":
        return `/${entry.path} == /${entry.target}`;
      default:
        return head;
    }
  });
}
