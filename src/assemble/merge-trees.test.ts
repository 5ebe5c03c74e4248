// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import type { ImagePath } from "../base/index.ts";
import { type Entry, makeTree } from "../formats/index.ts";
import type { UnpackedPackage } from "./content.ts";
import { baseOwner, mergeTrees } from "./merge-trees.ts";
import { dumpTree, makePackage, memoryContents, type PackageSpec } from "./testing/make-package.ts";

const contents = memoryContents();
const make = (name: string, spec: PackageSpec): UnpackedPackage => makePackage(name, spec, contents);
const merge = (...packages: readonly UnpackedPackage[]) => mergeTrees(packages, { contents });
const files = (...packages: readonly UnpackedPackage[]): string[] =>
  dumpTree(merge(...packages).tree, contents).filter((line) => !line.includes(" dir "));

test("mergeTrees unites packages and remembers owners", () => {
  const { tree, owners } = merge(
    make("b", { files: { "usr/bin/b": "b" } }),
    make("a", { files: { "usr/bin/a": "a" } }),
  );
  assert.deepEqual(dumpTree(tree, contents), [
    "/usr dir 0755 0:0",
    "/usr/bin dir 0755 0:0",
    '/usr/bin/a file 0644 0:0 "a"',
    '/usr/bin/b file 0644 0:0 "b"',
  ]);
  assert.deepEqual(
    [...owners],
    [
      ["usr", "a:amd64"],
      ["usr/bin", "a:amd64"],
      ["usr/bin/a", "a:amd64"],
      ["usr/bin/b", "b:amd64"],
    ],
  );
});

test("mergeTrees names the path and both packages of a conflict, even when the files are equal", () => {
  const [one, two] = [make("one", { files: { "etc/x": "same" } }), make("two", { files: { "etc/x": "same" } })];
  assert.throws(() => merge(two, one), {
    code: "ASSEMBLE_CONFLICT",
    message: /"one" and "two" together: both have "\/etc\/x"/,
  });
});

test("mergeTrees gives a file to the package that replaces the other one, in the version it names", () => {
  const old = make("old", { version: "1:1.5-1", files: { "etc/x": "old" } });
  const winner = (relation: string): UnpackedPackage =>
    make("new", { files: { "etc/x": "new" }, fields: { Replaces: relation } });
  const after = (relation: string): UnpackedPackage =>
    make("zzz", { files: { "etc/x": "new" }, fields: { Replaces: relation } });
  for (const item of [winner("other, old"), winner("old (<< 1:2)"), after("old (= 1:1.5-1)"), after("old (>= 1)")]) {
    assert.deepEqual(files(old, item), ['/etc/x file 0644 0:0 "new"']);
    assert.equal(merge(item, old).owners.get("etc/x" as never), `${item.locked.name}:amd64`);
  }
  for (const relation of ["old (<< 1:1)", "old (>> 1:1.5-1)", "virtual"]) {
    assert.throws(() => merge(old, winner(relation)), { code: "ASSEMBLE_CONFLICT" });
  }
});

test("mergeTrees does not decide between two packages that replace each other", () => {
  const one = make("one", { files: { "etc/x": "1" }, fields: { Replaces: "two" } });
  const two = make("two", { files: { "etc/x": "2" }, fields: { Replaces: "one" } });
  assert.throws(() => merge(one, two), { code: "ASSEMBLE_CONFLICT" });
});

test("mergeTrees never replaces a directory by a file", () => {
  const one = make("one", { files: { "etc/x/": {} } });
  const two = make("two", { files: { "etc/x": "2" }, fields: { Replaces: "one" } });
  assert.throws(() => merge(one, two), { code: "ASSEMBLE_CONFLICT", message: /\(a dir and a file\)/ });
});

test("mergeTrees lets architectures of a Multi-Arch: same package share equal files only", () => {
  const fields = { "Multi-Arch": "same" };
  const native = make("lib", { fields, files: { "usr/share/doc/lib/copyright": "c", "usr/lib/a": "1" } });
  const foreign = make("lib", {
    architecture: "i386",
    fields,
    files: { "usr/share/doc/lib/copyright": "c", "usr/lib/b": "2" },
  });
  assert.equal(files(native, foreign).length, 3);
  const other = make("lib", { architecture: "i386", fields, files: { "usr/share/doc/lib/copyright": "other" } });
  assert.throws(() => merge(native, other), { code: "ASSEMBLE_CONFLICT" });
  const plain = make("lib", { architecture: "i386", files: { "usr/share/doc/lib/copyright": "c" } });
  assert.throws(() => merge(native, plain), { code: "ASSEMBLE_CONFLICT" });
});

test("mergeTrees refuses a diversion by name, whichever of the two diverts", () => {
  const preinst = "#!/bin/sh\ndpkg-divert --add --package nvi2 --rename /bin/vi\n";
  const one = make("nvi", { files: { "usr/bin/vi": "1" } });
  const two = make("nvi2", { files: { "usr/bin/vi": "2" }, control: { preinst } });
  for (const packages of [
    [one, two],
    [two, one],
  ] as const) {
    assert.throws(() => merge(...packages), {
      code: "ASSEMBLE_DIVERSION",
      message: /"nvi2": it diverts "\/usr\/bin\/vi" of "nvi", which needs .*install: full/,
    });
  }
});

test("mergeTrees keeps the other names of a file whose first name another package replaces", () => {
  const old = make("old", { files: { "usr/a": "1", "usr/b": { hardlink: "usr/a" }, "usr/c": { hardlink: "usr/a" } } });
  const item = make("new", { files: { "usr/a": "2" }, fields: { Replaces: "old" } });
  assert.deepEqual(files(old, item), ['/usr/a file 0644 0:0 "2"', '/usr/b file 0644 0:0 "1"', "/usr/c == /usr/b"]);
});

test("mergeTrees takes a special directory over a plain one, but base-files' word over all", () => {
  const plain = make("aa", { files: { "var/games/": {}, "tmp/": {} } });
  const special = make("zz", { files: { "var/games/": { mode: 0o2775, gid: 60 }, "tmp/": { mode: 0o700 } } });
  const baseFiles = make("base-files", { files: { "tmp/": { mode: 0o1777 } } });
  assert.deepEqual(dumpTree(merge(plain, special, baseFiles).tree), [
    "/tmp dir 1777 0:0",
    "/var dir 0755 0:0",
    "/var/games dir 2775 0:60",
  ]);
});

test("mergeTrees over an image below accepts what is equal there and names the image otherwise", () => {
  const below = merge(make("old", { files: { "etc/x": "1" } }));
  const same = mergeTrees([make("new", { files: { "etc/x": "1", "etc/y": "2" } })], { contents, below });
  assert.equal(same.owners.get("etc/x" as never), "old:amd64");
  assert.equal(same.owners.get("etc/y" as never), "new:amd64");
  assert.throws(() => mergeTrees([make("new", { files: { "etc/x": "2" } })], { contents, below }), {
    message: /old:amd64/,
  });
});

test("mergeTrees over a foreign image leaves what differs only in its time, and replaces what nobody owns", () => {
  const mtimeSeconds = 1_700_000_000;
  const own = merge(make("old", { files: { "etc/x": "1", "etc/loose": "was", "etc/same": "1", "lib/": {} } }));
  const link: Entry = {
    ...{ type: "hardlink", path: "etc/z" as ImagePath, target: "etc/loose" as ImagePath },
    ...{ mode: 0o644, uid: 0, gid: 0, mtimeSeconds },
  };
  const tree = makeTree([...own.tree.map((entry) => ({ ...entry, mtimeSeconds })), link]);
  const owners = new Map(own.owners).set("etc/loose" as ImagePath, baseOwner).set(link.path, baseOwner);
  const below = { tree, owners };
  const added = make("new", { files: { "etc/x": "1", "etc/loose": "is" } });
  const result = mergeTrees([added], { contents, below });
  const at = (path: string): Entry | undefined => result.tree.find((entry) => entry.path === path);
  assert.equal(at("etc/x"), tree.find((entry) => entry.path === "etc/x"));
  assert.equal(at("etc")?.mtimeSeconds, mtimeSeconds);
  assert.equal(result.owners.get("etc/loose" as ImagePath), "new:amd64");
  assert.deepEqual(
    dumpTree(result.tree, contents).filter((line) => /loose|etc.z/.test(line)),
    ['/etc/loose file 0644 0:0 "is"', '/etc/z file 0644 0:0 "was"'],
  );
  for (const spec of [{ files: { "etc/same": "2" } }, { files: { lib: "a file" } }]) {
    assert.throws(() => mergeTrees([make("new", spec)], { contents, below }), { code: "ASSEMBLE_CONFLICT" });
  }
});

test("mergeTrees does not depend on the order of packages", () => {
  const all = ["a", "b", "c", "base-files"].map((name, i) =>
    make(name, {
      files: { [`usr/${name}`]: name, "var/x/": { mode: 0o700 + i }, "tmp/": i === 3 ? { mode: 0o1777 } : {} },
    }),
  );
  const expected = merge(...all);
  fc.assert(
    fc.property(fc.shuffledSubarray(all, { minLength: all.length }), (shuffled) => {
      assert.deepEqual(merge(...shuffled), expected);
    }),
    { seed: 1, numRuns: 30 },
  );
});
