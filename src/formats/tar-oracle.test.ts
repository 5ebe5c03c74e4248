// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import {
  chmodSync,
  linkSync,
  lutimesSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";

import { digestOf, parsePath, pathToBytes } from "../base/index.ts";
import { encodeTarHeader, tarEnd, tarNameOf, tarPadding } from "./tar-header.ts";
import { hasPrograms, run } from "./testing/oracle.ts";
import { type ReadMember, readTar } from "./testing/read-tar.ts";
import { type Entry, makeTree, type Meta, type Tree } from "./tree.ts";

const letters = { file: "-", hardlink: "h", dir: "d", symlink: "l", char: "c", block: "b", fifo: "p" } as const;

/** A line of `tar -tv --numeric-owner --full-time`, white space made one blank. */
function listed({ entry }: ReadMember): string {
  const size =
    entry.type === "char" || entry.type === "block" ? `${entry.major},${entry.minor}` : String(entry.sizeBytes);
  const time = new Date(entry.mtimeSeconds * 1000).toISOString().slice(0, 19).replace("T", " ");
  const arrow =
    entry.type === "symlink" ? ` -> ${entry.linkName}` : entry.type === "hardlink" ? ` link to ${entry.linkName}` : "";
  const mode = `${letters[entry.type]}${permissions(entry.mode)}`;
  return `${mode} ${entry.uid}/${entry.gid} ${size} ${time} ${entry.name}${arrow}`;
}

function permissions(mode: number): string {
  const bits = [...(mode & 0o777).toString(2).padStart(9, "0")].map((bit, i) => (bit === "1" ? "rwx"[i % 3] : "-"));
  const special: [number, number, string, string][] = [
    [0o4000, 2, "s", "S"],
    [0o2000, 5, "s", "S"],
    [0o1000, 8, "t", "T"],
  ];
  for (const [bit, at, on, off] of special) if ((mode & bit) !== 0) bits[at] = bits[at] === "x" ? on : off;
  return bits.join("");
}

function gnuList(bytes: Uint8Array): string[] {
  const args = ["-tvf", "-", "--numeric-owner", "--full-time", "--quoting-style=literal", "--no-auto-compress"];
  return run("tar", args, bytes)
    .toString()
    .trimEnd()
    .split("\n")
    .map((line) => line.replace(/ +/g, " ").replace(/(:\d\d)\.\d+ /, "$1 "));
}

function temporary(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), "ashlar-"));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** A directory with everything an unprivileged user can make, and names of every awkward length. */
function makeFiles(dir: string): void {
  mkdirSync(join(dir, "a/empty"), { recursive: true });
  for (const length of [90, 99, 100, 101, 140]) writeFileSync(join(dir, "a", "n".repeat(length)), "x".repeat(length));
  const deep = join(dir, "d".repeat(100), "e".repeat(100), "f".repeat(100));
  mkdirSync(deep, { recursive: true });
  writeFileSync(join(deep, "g".repeat(100)), "deep");
  writeFileSync(join(dir, "big"), Buffer.alloc(700_000, "big"));
  writeFileSync(join(dir, "gr\u00fc\u00dfe"), "utf-8");
  chmodSync(join(dir, "big"), 0o6755);
  chmodSync(join(dir, "a/empty"), 0o1777);
  symlinkSync("big", join(dir, "soft"));
  symlinkSync("t".repeat(200), join(dir, "soft-long"));
  linkSync(join(dir, "big"), join(dir, "zz-hard"));
  linkSync(join(deep, "g".repeat(100)), join(dir, "zz-hard-long"));
  run("mkfifo", [join(dir, "pipe")]);
  utimesSync(join(dir, "big"), 1_000_000_000, 1_000_000_000.5);
  lutimesSync(join(dir, "soft"), 1, 1);
}

for (const format of ["gnu", "pax", "ustar", "oldgnu"]) {
  test(`TarParser lists a ${format} archive of GNU tar as GNU tar does`, (t) => {
    if (!hasPrograms(t, "tar", "mkfifo")) return;
    const dir = temporary(t);
    makeFiles(dir);
    if (format === "ustar") rmSync(join(dir, "d".repeat(100)), { recursive: true });
    if (format === "ustar")
      for (const name of ["soft-long", "zz-hard-long", `a/${"n".repeat(101)}`, `a/${"n".repeat(140)}`])
        rmSync(join(dir, name));
    const owner = format === "ustar" ? [] : ["--owner=:3000000", "--group=:4000000000"];
    const bytes = run("tar", ["-c", "--sort=name", `--format=${format}`, "--numeric-owner", ...owner, "-C", dir, "."]);
    const members = readTar(bytes, { pieceBytes: 10_000 });
    assert.deepEqual(members.map(listed), gnuList(bytes));
    assert.ok(members.find(({ entry }) => entry.name === "./big")?.content.equals(readFileSync(join(dir, "big"))));
    assert.ok(members.length > 10);
  });
}

test("TarParser reads extended attributes that GNU tar wrote", (t) => {
  if (!hasPrograms(t, "tar", "python3")) return;
  const dir = temporary(t);
  writeFileSync(join(dir, "x"), "");
  try {
    run("python3", ["-c", `import os,sys; os.setxattr(sys.argv[1], "user.one", bytes([0, 10, 255]))`, join(dir, "x")]);
  } catch {
    t.skip("needs a file system with user attributes");
    return;
  }
  const members = readTar(run("tar", ["-c", "--xattrs", "--format=pax", "-C", dir, "x"]));
  assert.deepEqual(members[0]?.entry.xattrs, { "user.one": Buffer.from([0, 10, 255]).toString("base64") });
});

const meta: Meta = { mode: 0o644, uid: 0, gid: 0, mtimeSeconds: 0 };
const contents = new Map<string, Buffer>();

function fileOf(path: string, content: string | Buffer, parts: Partial<Meta> = {}): Entry {
  const bytes = Buffer.from(content);
  contents.set(path, bytes);
  return { ...meta, ...parts, type: "file", path: parsePath(path), sizeBytes: bytes.length, content: digestOf(bytes) };
}

/** Everything our writer can be asked for, devices apart. */
function sampleTree(): Tree {
  const long = `${"d".repeat(150)}/${"n".repeat(150)}`;
  return makeTree([
    { ...meta, type: "dir", path: parsePath("d".repeat(150)), mode: 0o755 },
    { ...meta, type: "dir", path: parsePath("tmp"), mode: 0o1777, mtimeSeconds: 1_600_000_000 },
    fileOf("plain", "plain", { mode: 0o4755 }),
    fileOf("empty", ""),
    fileOf("big", Buffer.alloc(100_000, "x"), { mtimeSeconds: 1_700_000_000, uid: 3_000_000, gid: 4_000_000_000 }),
    fileOf(long, "long"),
    fileOf("gr\u00fc\u00dfe", "utf-8"),
    fileOf("raw\udcff", "not utf-8"),
    fileOf(`raw\udcff${"r".repeat(120)}`, "long and not utf-8"),
    fileOf("old", "before 1970", { mtimeSeconds: -86_400 }),
    fileOf("far", "after 2242", { mtimeSeconds: 9_000_000_000 }),
    { ...meta, type: "symlink", path: parsePath("soft"), target: "plain", mode: 0o777 },
    { ...meta, type: "symlink", path: parsePath("soft-long"), target: "t".repeat(300), mode: 0o777 },
    { ...meta, type: "hardlink", path: parsePath("zz-hard"), target: parsePath("big"), mode: 0o644 },
    { ...meta, type: "hardlink", path: parsePath("zz-hard-long"), target: parsePath(long), mode: 0o644 },
    { ...meta, type: "fifo", path: parsePath("pipe") },
  ]);
}

function encode(tree: Tree): Buffer {
  const parts = tree.flatMap((entry) => {
    const content = entry.type === "file" ? (contents.get(entry.path) as Buffer) : Buffer.alloc(0);
    return [encodeTarHeader(entry), content, tarPadding(content.length)];
  });
  return Buffer.concat([...parts, tarEnd]);
}

test("encodeTarHeader writes archives that GNU tar lists as we do", (t) => {
  if (!hasPrograms(t, "tar")) return;
  const devices: Entry[] = [
    { ...meta, type: "char", path: parsePath("null"), major: 1, minor: 3 },
    { ...meta, type: "block", path: parsePath("sda"), major: 8, minor: 1_048_575 },
  ];
  // Invalid UTF-8 does not survive the way through a listing.
  const tree = makeTree([...sampleTree(), ...devices].filter((entry) => !entry.path.startsWith("raw")));
  const bytes = encode(tree);
  assert.deepEqual(readTar(bytes).map(listed), gnuList(bytes));
});

test("encodeTarHeader writes archives that GNU tar extracts to the same tree", (t) => {
  if (!hasPrograms(t, "tar", "find")) return;
  const dir = temporary(t);
  const bytes = encode(sampleTree());
  run(
    "tar",
    ["-xpf", "-", "-C", dir, ...(process.getuid?.() === 0 ? ["--numeric-owner"] : ["--no-same-owner"])],
    bytes,
  );
  const owner = process.getuid?.() === 0 ? "%U %G" : "";
  const found = run("find", [dir, "-mindepth", "1", "-printf", `%P\t%y %m ${owner} %l %T@\\0`])
    .toString("latin1")
    .split("\0")
    .filter((line) => line !== "");
  const big = sampleTree().find((entry) => entry.path === "big") as Entry;
  const want = sampleTree().map((entry) => {
    // A further name shows what its file is.
    const real = entry.path === "zz-hard" ? big : entry;
    const type = { file: "f", hardlink: "f", dir: "d", symlink: "l", fifo: "p", char: "c", block: "b" }[entry.type];
    const owners = owner === "" ? "" : `${real.uid} ${real.gid}`;
    const target = entry.type === "symlink" ? entry.target : "";
    const path = pathToBytes(entry.path).toString("latin1");
    return `${path}\t${type} ${real.mode.toString(8)} ${owners} ${target} ${real.mtimeSeconds}.0000000000`;
  });
  assert.deepEqual(found.sort(), want.sort());
  for (const entry of sampleTree()) {
    if (entry.type !== "file") continue;
    const path = Buffer.concat([Buffer.from(`${dir}/`), pathToBytes(entry.path)]);
    assert.ok(readFileSync(path).equals(contents.get(entry.path) as Buffer), entry.path);
  }
});

const python = `
import sys, tarfile, json, base64, io
out = []
kinds = ["file", "hardlink", "symlink", "char", "block", "dir", "fifo"]
def encoded(value):
    return base64.b64encode(value.encode("utf-8", "surrogateescape")).decode()
file = io.BytesIO(sys.stdin.buffer.read())
with tarfile.open(fileobj=file, mode="r:", encoding="utf-8", errors="surrogateescape") as tar:
    for m in tar:
        kind = kinds[int(m.type)]
        xattrs = {k[13:]: encoded(v) for k, v in m.pax_headers.items() if k.startswith("SCHILY.xattr.")}
        out.append([m.name, kind, m.mode, m.uid, m.gid, int(m.mtime), m.size, m.linkname, xattrs])
print(json.dumps(out))
`;

test("encodeTarHeader writes archives that Python's tarfile reads as we do", (t) => {
  if (!hasPrograms(t, "python3")) return;
  const value = Buffer.from([1, 0, 0, 2, 10, 61, 255]).toString("base64");
  const tree = makeTree([
    ...sampleTree(),
    fileOf("caps", "x", { xattrs: { "security.capability": value, "user.a": "" } }),
  ]);
  const bytes = encode(tree);
  const ours = readTar(bytes).map(({ entry }) => [
    entry.name.replace(/\/$/, ""),
    entry.type,
    entry.mode,
    entry.uid,
    entry.gid,
    entry.mtimeSeconds,
    entry.sizeBytes,
    entry.linkName,
    entry.xattrs ?? {},
  ]);
  assert.deepEqual(ours, JSON.parse(run("python3", ["-c", python], bytes).toString()));
  assert.deepEqual(
    readTar(bytes).map(({ entry }) => entry.name),
    tree.map(tarNameOf),
  );
});

test("TarParser reads what Python's tarfile writes", (t) => {
  if (!hasPrograms(t, "python3")) return;
  const write = `
import sys, tarfile, io
tar = tarfile.open(fileobj=sys.stdout.buffer, mode="w|", format=int(sys.argv[1]))
def add(name, kind=tarfile.REGTYPE, data=b"", **parts):
    info = tarfile.TarInfo(name)
    info.type = kind
    info.size = len(data)
    for key, value in parts.items(): setattr(info, key, value)
    tar.addfile(info, io.BytesIO(data))
add("plain", data=b"hello", mtime=1500000000, uid=7, gid=8, mode=0o2750)
add("dir", tarfile.DIRTYPE, mode=0o700)
add("n" * 180, data=b"long")
add("soft", tarfile.SYMTYPE, linkname="t" * 180)
add("hard", tarfile.LNKTYPE, linkname="plain")
add("dev", tarfile.CHRTYPE, devmajor=5, devminor=1)
add("owned", uid=10000000, gid=10000000, mtime=-7)
tar.close()
`;
  for (const format of ["1", "2"]) {
    const members = readTar(run("python3", ["-c", write, format]));
    const seen = members.map(({ entry }) => [
      entry.name,
      entry.type,
      entry.mode,
      entry.uid,
      entry.mtimeSeconds,
      entry.sizeBytes,
      entry.linkName,
      entry.major,
    ]);
    assert.deepEqual(seen, [
      ["plain", "file", 0o2750, 7, 1_500_000_000, 5, "", 0],
      ["dir/", "dir", 0o700, 0, 0, 0, "", 0],
      ["n".repeat(180), "file", 0o644, 0, 0, 4, "", 0],
      ["soft", "symlink", 0o644, 0, 0, 0, "t".repeat(180), 0],
      ["hard", "hardlink", 0o644, 0, 0, 0, "plain", 0],
      ["dev", "char", 0o644, 0, 0, 0, "", 5],
      ["owned", "file", 0o644, 10_000_000, -7, 0, "", 0],
    ]);
  }
});
