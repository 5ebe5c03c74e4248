// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { gzipSync } from "node:zlib";

import { isAshlarError } from "../base/index.ts";
import { type ByteReader, decompressSync } from "../formats/index.ts";
import { readDeb, verifyDebIdentity } from "./deb.ts";
import { arHeader, type ArPart, buildAr } from "./testing/build-ar.ts";
import { buildDeb } from "./testing/build-deb.ts";
import { hasTool, run } from "./testing/dpkg.ts";

const dir = mkdtempSync(join(tmpdir(), "ashlar-deb-"));
after(() => rmSync(dir, { recursive: true, force: true }));

function readerOf(bytes: Uint8Array): ByteReader {
  return { sizeBytes: bytes.length, read: (offset, length) => bytes.subarray(offset, offset + length) };
}

function dataTarOf(bytes: Uint8Array): Buffer {
  const { data } = readDeb(readerOf(bytes));
  const stored = Buffer.concat([...data.chunks()]);
  return Buffer.from(decompressSync(data.compression, stored, { maxBytes: 1 << 24, what: "test" }));
}

const options = {
  fields: { Package: "hello", Version: "1:2.0-1", Architecture: "amd64", Depends: "libc6 (>= 2.36)" },
  files: {
    "etc/hello.conf": "x = 1\n",
    "usr/bin/hello": { type: "file", content: "#!/bin/sh\necho hello\n".repeat(30_000), mode: 0o755 },
    "usr/bin/hi": { type: "symlink", target: "hello" },
    "usr/share/a": "same",
    "usr/share/b": { type: "hardlink", target: "usr/share/a" },
    "var/lib/hello": { type: "dir", mode: 0o2775, gid: 50 },
  },
  control: { conffiles: "/etc/hello.conf\n", postinst: "#!/bin/sh\n" },
} as const;
const compressions = ["none", "gzip", "xz", "zstd"] as const;

test("readDeb and dpkg-deb read the same from what buildDeb builds", (t) => {
  if (!hasTool(t, "dpkg-deb")) return;
  for (const compression of compressions) {
    const bytes = buildDeb({ ...options, compression });
    const path = join(dir, `built-${compression}.deb`);
    writeFileSync(path, bytes);
    const { control, fields, data } = readDeb(readerOf(bytes));
    assert.equal(data.compression, compression);
    assert.deepEqual([...control.keys()].sort(), ["conffiles", "control", "md5sums", "postinst"]);
    for (const [name, value] of fields)
      assert.equal(run("dpkg-deb", ["-f", path, name]).toString().trim(), value);
    assert.deepEqual(dataTarOf(bytes), run("dpkg-deb", ["--fsys-tarfile", path]));
    assert.match(run("dpkg-deb", ["-c", path]).toString(), /drwxrwsr-x 0\/50 .* \.\/var\/lib\/hello\//);
  }
});

test("readDeb reads what dpkg-deb builds, in every compression", (t) => {
  if (!hasTool(t, "dpkg-deb")) return;
  const tree = join(dir, "tree");
  mkdirSync(join(tree, "DEBIAN"), { recursive: true });
  mkdirSync(join(tree, "usr/bin"), { recursive: true });
  writeFileSync(
    join(tree, "DEBIAN/control"),
    "Package: hello\nVersion: 1\nArchitecture: all\nMaintainer: M <m@example.org>\nDescription: d\n long\n",
  );
  writeFileSync(join(tree, "DEBIAN/triggers"), "interest-noawait /x\n");
  writeFileSync(join(tree, "usr/bin/hello"), "hello\n".repeat(100_000));
  symlinkSync("hello", join(tree, "usr/bin/hi"));
  for (const [flag, wanted] of [
    ["none", "none"],
    ["gzip", "gzip"],
    ["xz", "xz"],
    ["zstd", "zstd"],
  ] as const) {
    const path = join(dir, `dpkg-${flag}.deb`);
    run("dpkg-deb", ["--root-owner-group", `-Z${flag}`, "--build", tree, path]);
    const bytes = readFileSync(path);
    const { control, fields, data } = readDeb(readerOf(bytes));
    assert.equal(data.compression, wanted);
    assert.deepEqual(new Set(control.keys()), new Set(["control", "triggers"]));
    assert.equal(fields.get("Description"), "d\n long");
    verifyDebIdentity(fields, { name: "hello", version: "1", architecture: "all" });
    assert.deepEqual(dataTarOf(bytes), run("dpkg-deb", ["--fsys-tarfile", path]));
  }
});

test("buildDeb is a function of its options", () => {
  const { files } = options;
  const shuffled = Object.fromEntries(Object.entries(files).reverse()) as typeof files;
  for (const compression of compressions) {
    assert.deepEqual(
      buildDeb({ ...options, compression }),
      buildDeb({ ...options, files: shuffled, compression }),
    );
  }
});

const control = (text: string): Uint8Array => tarOf({ control: text });
const goodControl = "Package: a\nVersion: 1\nArchitecture: all\n";
const format: ArPart = { name: "debian-binary", bytes: Buffer.from("2.0\n") };
const controlPart: ArPart = { name: "control.tar", bytes: control(goodControl) };
const dataPart: ArPart = { name: "data.tar", bytes: tarOf({}) };

/** A tar with these files: the data part of a package, for want of a tar writer that takes any name. */
function tarOf(files: Readonly<Record<string, string>>): Uint8Array {
  return dataTarOf(buildDeb({ fields: options.fields, files }));
}

function refuses(members: readonly ArPart[], code: string, what: string): void {
  assert.throws(
    () => readDeb(readerOf(buildAr(members))),
    (error) => isAshlarError(error, code),
    what,
  );
}

test("readDeb takes exactly the members that deb(5) names", () => {
  assert.equal(readDeb(readerOf(buildAr([format, controlPart, dataPart]))).fields.get("Package"), "a");
  const signature = { name: "_gpgbuilder", bytes: Buffer.from("x") };
  assert.equal(
    readDeb(readerOf(buildAr([format, controlPart, dataPart, signature]))).fields.get("Package"),
    "a",
  );
  const bad: Readonly<Record<string, readonly ArPart[]>> = {
    nothing: [],
    "format only": [format],
    "no control": [format, dataPart],
    "no data": [format, controlPart],
    "wrong order": [format, dataPart, controlPart],
    "format not first": [controlPart, dataPart, format],
    "two data": [format, controlPart, dataPart, dataPart],
    "two data of different kinds": [format, controlPart, dataPart, { ...dataPart, name: "data.tar.gz" }],
    "two control": [format, controlPart, controlPart, dataPart],
    "further member": [format, controlPart, dataPart, { name: "extra", bytes: Buffer.from("x") }],
    "member between": [format, signature, controlPart, dataPart],
    "another name": [format, controlPart, { ...dataPart, name: "data.tarball" }],
  };
  for (const [what, members] of Object.entries(bad)) refuses(members, "DEBIAN_DEB_INVALID", what);
});

test("readDeb refuses other formats and compressions", () => {
  for (const text of ["3.0\n", "0.939000\n", "2.0", "", "2\n", "2.x\n"]) {
    refuses([{ ...format, bytes: Buffer.from(text) }, controlPart, dataPart], "DEBIAN_DEB_UNSUPPORTED", text);
  }
  for (const suffix of [".bz2", ".lzma", ".lz4", ".zstd", ".", ".gz.xz", ".constructor"]) {
    const name = `data.tar${suffix}`.slice(0, 16);
    refuses([format, controlPart, { ...dataPart, name }], "DEBIAN_DEB_UNSUPPORTED", name);
    if (suffix.length < 5)
      refuses(
        [format, { ...controlPart, name: `control.tar${suffix}` }, dataPart],
        "DEBIAN_DEB_UNSUPPORTED",
        suffix,
      );
  }
});

test("readDeb refuses a control part that is not one", () => {
  const bad: Readonly<Record<string, Uint8Array>> = {
    "no control file": tarOf({ md5sums: "" }),
    "no stanza": control("# nothing\n"),
    "two stanzas": control(`${goodControl}\n${goodControl}`),
    "no Package": control("Version: 1\nArchitecture: all\n"),
    "no Version": control("Package: a\nArchitecture: all\n"),
    "no Architecture": control("Package: a\nVersion: 1\n"),
    "empty Version": control("Package: a\nVersion:\nArchitecture: all\n"),
    "a directory": tarOf({ control: goodControl, "x/y": "" }),
    "control twice": twice(control(goodControl)),
  };
  for (const [what, bytes] of Object.entries(bad))
    refuses([format, { ...controlPart, bytes }, dataPart], "DEBIAN_DEB_INVALID", what);
  const doubled = control(`${goodControl}Version: 2\n`);
  refuses([format, { ...controlPart, bytes: doubled }, dataPart], "DEBIAN_CONTROL_INVALID", "doubled field");
  const link = dataTarOf(
    buildDeb({ fields: options.fields, files: { control: { type: "symlink", target: "/etc/passwd" } } }),
  );
  refuses([format, { ...controlPart, bytes: link }, dataPart], "DEBIAN_DEB_INVALID", "link");
});

/** The members of a tar, then again. */
function twice(tar: Uint8Array): Uint8Array {
  const members = tar.subarray(0, tar.length - 1024);
  return Buffer.concat([members, tar.subarray(512)]);
}

test("readDeb bounds the control part", () => {
  const bomb = gzipSync(Buffer.alloc(80 << 20));
  const started = performance.now();
  assert.throws(
    () => readDeb(readerOf(buildAr([format, { name: "control.tar.gz", bytes: bomb }, dataPart]))),
    (error) => isAshlarError(error, "FORMATS_DECOMPRESS_LIMIT"),
  );
  assert.ok(performance.now() - started < 5000);
});

test("readDeb refuses a .deb cut at any byte of its structure", () => {
  const whole = buildDeb({ fields: options.fields, compression: "gzip" });
  const { sizeBytes } = readerOf(whole);
  for (let length = 0; length < sizeBytes - 1; length++) {
    assert.throws(() => readDeb(readerOf(whole.subarray(0, length))), isAshlarError, String(length));
  }
  assert.throws(() => readDeb(readerOf(Buffer.concat([whole, Buffer.from("trailing")]))), isAshlarError);
});

test("readDeb refuses member sizes that lie", () => {
  for (const size of ["-1", "0x10", "9999999999", "", "1 2"]) {
    const bytes = Buffer.concat([
      Buffer.from("!<arch>\n"),
      arHeader("debian-binary", size),
      Buffer.from("2.0\n"),
    ]);
    assert.throws(() => readDeb(readerOf(bytes)), isAshlarError, size);
  }
});

test("verifyDebIdentity names every difference", () => {
  const { fields } = readDeb(readerOf(buildDeb(options)));
  const want = { name: "hello", version: "1:2.0-1", architecture: "amd64" };
  verifyDebIdentity(fields, want);
  for (const change of [
    { name: "hell" },
    { version: "2.0-1" },
    { version: "1:2.0-01" },
    { architecture: "all" },
  ]) {
    assert.throws(
      () => verifyDebIdentity(fields, { ...want, ...change }),
      (error) => isAshlarError(error, "DEBIAN_DEB_MISMATCH"),
    );
  }
  assert.throws(
    () => verifyDebIdentity(fields, { ...want, version: "3", architecture: "arm64" }),
    /Version is "1:2\.0-1", want "3"; Arch.* "arm64"/,
  );
});
