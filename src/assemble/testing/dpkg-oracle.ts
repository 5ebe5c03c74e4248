// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  lchownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
} from "node:fs";
import { readlinkSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import {
  digestOf,
  type Digest,
  type ImagePath,
  nameFromBytes,
  parsePath,
  pathToBytes,
} from "../../base/index.ts";
import { field, parseControl, parseRelations } from "../../debian/index.ts";
import { buildDeb, type DebOptions } from "../../debian/testing/build-deb.ts";
import { type Entry, makeTree, type Tree } from "../../formats/index.ts";
import { memoryStore } from "../../store/index.ts";
import { type Contents, openContents, type UnpackedPackage } from "../content.ts";
import { type DescribedPackage, describePackage, fullLayout } from "../full/describe-package.ts";
import { unpackWave } from "../full/unpack-wave.ts";
import { finalPath, mergedDirectories } from "../normalize-package.ts";
import { unpackDeb } from "../unpack.ts";

export type OracleDeb = Omit<DebOptions, "fields"> & { readonly fields?: Readonly<Record<string, string>> };

export interface OracleCase {
  /** By name, in the order of installation: installed and configured by dpkg itself, without triggers. */
  readonly below?: Readonly<Record<string, OracleDeb>>;
  /** By name, in the order of unpacking: by dpkg, and by us. */
  readonly debs: Readonly<Record<string, OracleDeb>>;
  /** Changes the root before the packages come, e.g. as a script would. */
  readonly prepare?: (root: string) => void;
}

/** One line an entry; of dpkg's status one line a field. */
export interface Both {
  readonly ours: readonly string[];
  readonly theirs: readonly string[];
}

export interface Unpacked extends Both {
  /** What dpkg makes of each when it configures everything. */
  readonly configured: Both;
}

/** What dpkg keeps for itself, or leaves to whoever comes next. */
const ignored =
  /^var\/lib\/dpkg\/(lock(-frontend)?|available|triggers\/Lock|tmp\.ci|[a-z]+-old|alternatives|parts)$|^var\/lib\/apt/;

/**
 * Unpacks packages with the machine's dpkg and with ours, each on the same root. Needs root. With
 * `dpkgRefuses` dpkg has to fail.
 */
export async function unpackBoth(
  { below = {}, debs, prepare }: OracleCase,
  { dpkgRefuses = false }: { readonly dpkgRefuses?: boolean } = {},
): Promise<Unpacked> {
  const dir = mkdtempSync(join(tmpdir(), "ashlar-dpkg-"));
  const root = join(dir, "root");
  try {
    makeRoot(root);
    const store = memoryStore();
    const pack = store.beginPack();
    const contents = openContents(store, pack);
    const known = await Promise.all(Object.entries(below).map((deb) => makeDeb(dir, deb)));
    for (const { path } of known) dpkg(root, "--no-triggers", "--install", path);
    prepare?.(root);
    const tree = readDisk(root, contents);
    const made = await Promise.all(Object.entries(debs).map((deb) => makeDeb(dir, deb)));
    const unpack = (): void => dpkg(root, "--no-triggers", "--unpack", ...made.map(({ path }) => path));
    if (dpkgRefuses) assert.throws(unpack);
    else unpack();
    const installed = new Map((await describeAll(known, contents)).map((item) => [item.id, item]));
    const packages = await describeAll(made, contents);
    const owned = { tree, owners: ownersOf(tree, contents) };
    const input = { below: owned, packages, strip: [], only: {}, contents, architecture: "amd64" };
    const ours = unpackWave({ ...input, installed: (id) => installed.get(id) });
    const both = { ours: show(ours.root.tree, contents), theirs: show(readDisk(root, contents), contents) };
    const copy = join(dir, "ours");
    writeDisk(ours.root.tree, copy, contents);
    const [second, first] = [copy, root].map((one) => {
      dpkg(one, "--triggers", "--force-confdef", "--force-confold", "--configure", "--pending");
      return show(readDisk(one, contents), contents);
    });
    pack.abort();
    return { ...both, configured: { ours: second ?? [], theirs: first ?? [] } };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** A root with the links of merged /usr and an empty database. */
function makeRoot(root: string): void {
  for (const name of ["usr/bin", "usr/sbin", "usr/lib", "var/lib/dpkg/info", "var/lib/dpkg/updates"]) {
    mkdirSync(join(root, name), { recursive: true });
  }
  mkdirSync(join(root, "var/lib/dpkg/triggers"));
  for (const name of mergedDirectories.slice(0, 2)) symlinkSync(`usr/${name}`, join(root, name));
  symlinkSync("usr/sbin", join(root, "sbin"));
  for (const name of ["status", "diversions"]) writeFileSync(join(root, "var/lib/dpkg", name), "");
  writeFileSync(join(root, "var/lib/dpkg/info/format"), "1\n");
}

function dpkg(root: string, ...args: readonly string[]): void {
  const options = [
    "--log=/dev/null",
    "--force-unsafe-io",
    "--force-depends",
    "--force-architecture",
    `--root=${root}`,
  ];
  const { status, stdout, stderr, error } = spawnSync("dpkg", [...options, ...args], {
    env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL: "C.UTF-8", DPKG_MAINTSCRIPT_DEBUG: "0" },
    encoding: "utf8",
  });
  if (status !== 0) throw error ?? new Error(`dpkg ${args.join(" ")}: ${stdout}${stderr}`);
}

interface MadeDeb {
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly fields: Readonly<Record<string, string>>;
}

function makeDeb(dir: string, [name, deb]: [string, OracleDeb]): MadeDeb {
  const fields = { Package: name, Version: "1.0", Architecture: "amd64", ...deb.fields };
  const bytes = buildDeb({ ...deb, fields });
  const path = join(dir, `${name}_${fields.Architecture}.deb`);
  writeFileSync(path, bytes);
  return { path, bytes, fields };
}

async function describeAll(
  debs: readonly MadeDeb[],
  contents: Contents,
): Promise<readonly DescribedPackage[]> {
  const described: DescribedPackage[] = [];
  for (const { path, bytes, fields } of debs) {
    const store = memoryStore();
    const [name, version, architecture] = [fields["Package"], fields["Version"], fields["Architecture"]] as [
      string,
      string,
      string,
    ];
    const digest = digestOf(bytes);
    const sizeBytes = bytes.length;
    const record = await unpackDeb(store, { name, version, architecture, digest, sizeBytes, path });
    const { tree, control, list } = store.readRecord(record).value as unknown as {
      tree: Digest;
      control: Record<string, Digest>;
      list: Digest;
    };
    const copied = store.readTree(tree);
    for (const entry of copied) if (entry.type === "file") contents.put(store.read(entry.content));
    for (const one of [...Object.values(control), list]) contents.put(store.read(one));
    const item: UnpackedPackage = {
      locked: {
        name,
        version,
        architecture,
        digest,
        sizeBytes,
        phase: "packages",
        use: "install",
        filename: `${name}.deb`,
        sourceName: name,
        sourceVersion: version,
        from: "bookworm",
        by: ["spec"],
      },
      tree: copied,
      control: new Map(Object.entries(control)),
      list,
    };
    described.push(describePackage(item, contents));
  }
  return described;
}

/** A root on disk as a tree; times 0. */
function readDisk(root: string, contents: Contents): Tree {
  const entries: Entry[] = [];
  const first = new Map<number, ImagePath>();
  const walk = (below: Buffer): void => {
    const names = readdirSync(Buffer.concat([Buffer.from(`${root}/`), below]), { encoding: "buffer" });
    for (const name of names.sort((a, b) => Buffer.compare(a, b))) {
      const bytes = below.length === 0 ? name : Buffer.concat([below, Buffer.from("/"), name]);
      const disk = Buffer.concat([Buffer.from(`${root}/`), bytes]);
      const stat = lstatSync(disk);
      const path = parsePath(nameFromBytes(bytes));
      const meta = { path, mode: stat.mode & 0o7777, uid: stat.uid, gid: stat.gid, mtimeSeconds: 0 };
      if (stat.isDirectory()) {
        entries.push({ ...meta, type: "dir" });
        walk(bytes);
      } else if (stat.isSymbolicLink()) {
        entries.push({ ...meta, type: "symlink", target: readlinkSync(disk) });
      } else {
        const known = stat.nlink > 1 ? first.get(stat.ino) : undefined;
        first.set(stat.ino, known ?? path);
        const { digest: content, sizeBytes } = contents.put(readFileSync(disk));
        entries.push(
          known === undefined
            ? { ...meta, type: "file", content, sizeBytes }
            : { ...meta, type: "hardlink", target: known },
        );
      }
    }
  };
  walk(Buffer.alloc(0));
  return makeTree(entries);
}

/** Writes a tree of any names to disk. */
function writeDisk(tree: Tree, root: string, contents: Contents): void {
  const at = (path: string): Buffer => Buffer.concat([Buffer.from(`${root}/`), pathToBytes(path)]);
  mkdirSync(root);
  for (const entry of tree) {
    const disk = at(entry.path);
    if (entry.type === "dir") mkdirSync(disk);
    if (entry.type === "file") writeFileSync(disk, contents.read(entry.content));
    if (entry.type === "symlink") symlinkSync(entry.target, disk);
    if (entry.type === "hardlink") linkSync(at(entry.target), disk);
    lchownSync(disk, entry.uid, entry.gid);
    if (entry.type !== "symlink") chmodSync(disk, entry.mode);
  }
}

/** Whose each path is, by dpkg's lists. */
function ownersOf(tree: Tree, contents: Contents): Map<ImagePath, string> {
  const byPath = new Map(tree.map((entry) => [entry.path as string, entry]));
  const read = (path: string): Uint8Array | undefined => {
    const entry = byPath.get(path);
    return entry?.type === "file" ? contents.read(entry.content) : undefined;
  };
  const owners = new Map<ImagePath, string>();
  for (const stanza of parseControl(read("var/lib/dpkg/status") ?? Buffer.alloc(0))) {
    const [name, architecture] = [field(stanza, "Package"), field(stanza, "Architecture")];
    const list =
      read(`var/lib/dpkg/info/${name}.list`) ?? read(`var/lib/dpkg/info/${name}:${architecture}.list`);
    for (const line of nameFromBytes(list ?? Buffer.alloc(0)).split("\n")) {
      if (line === "" || line === "/.") continue;
      const path = finalPath(parsePath(line), fullLayout);
      if (!owners.has(path)) owners.set(path, `${name}:${architecture}`);
    }
  }
  return owners;
}

function show(tree: Tree, contents: Contents): readonly string[] {
  return tree.flatMap((entry) => {
    const { path, type } = entry;
    if (ignored.test(path)) return [];
    const shown = JSON.stringify(path);
    const head = `${shown} ${type} ${entry.mode.toString(8)} ${entry.uid}:${entry.gid}`;
    if (type === "symlink") return [`${shown} -> ${entry.target}`];
    if (type === "hardlink") return [`${shown} == ${JSON.stringify(entry.target)}`];
    if (type !== "file") return [head];
    const bytes = Buffer.from(contents.read(entry.content));
    if (path === "var/lib/dpkg/triggers/Unincorp" && bytes.length === 0) return [];
    if (path === "var/lib/dpkg/status") return showStatus(bytes);
    if (path === "var/lib/dpkg/triggers/File")
      return bytes
        .toString("latin1")
        .split("\n")
        .sort()
        .map((line) => `File: ${line}`);
    return [`${head} ${JSON.stringify(bytes.toString("latin1"))}`];
  });
}

/** dpkg writes fields in an order of its own. */
function showStatus(bytes: Uint8Array): readonly string[] {
  return parseControl(bytes)
    .flatMap((stanza) =>
      [...stanza].map(([name, value]) => {
        const id = `${field(stanza, "Package")}:${field(stanza, "Architecture")}`;
        const isRelation = /^(Pre-)?Depends$|^Replaces$|^Provides$|^Breaks$|^Conflicts$/.test(name);
        const shown = isRelation ? JSON.stringify(parseRelations(value)) : JSON.stringify(value);
        return `status ${id} ${name}: ${shown}`;
      }),
    )
    .sort();
}
