// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import { isAshlarError } from "../base/index.ts";
import { type PackageIndex, parsePackages } from "./packages-index.ts";

const hex = "4d1204730f4a838260199c707f8d6f3cb6255ec4a9be539a0fc664b78178cf55";
const other = hex.replaceAll("4", "5");

function stanza(changes: Readonly<Record<string, string | undefined>> = {}): string {
  const fields = {
    Package: "a",
    Version: "1.0-1",
    Architecture: "amd64",
    Filename: "pool/main/a/a/a_1.0-1_amd64.deb",
    Size: "100",
    SHA256: hex,
    ...changes,
  };
  const lines = Object.entries(fields).filter(([, value]) => value !== undefined);
  return lines.map(([name, value]) => `${name}: ${value}\n`).join("");
}

function indexOf(...stanzas: readonly string[]): PackageIndex {
  return parsePackages(Buffer.from(stanzas.join("\n")), { architecture: "amd64", source: "test" });
}

test("parsePackages reads every field of a package", () => {
  const index = indexOf(
    stanza({
      Source: "src-a (1.0-2)",
      "Multi-Arch": "same",
      Essential: "yes",
      Priority: "required",
      Section: "libs",
      "Installed-Size": "42",
      Depends: "b (>= 1),\n c | d",
      "Pre-Depends": "e",
      Recommends: "f",
      Conflicts: "g",
      Breaks: "h (<< 2)",
      Replaces: "i",
      Provides: "j (= 1), k",
      Filename: "./a.deb",
      SHA256: hex.toUpperCase(),
    }),
  );
  const [item] = index.named("a");
  assert.ok(item !== undefined);
  const {
    name,
    version,
    architecture,
    multiArch,
    essential,
    important,
    priority,
    section,
    sourceName,
    sourceVersion,
  } = item;
  assert.deepEqual(
    {
      name,
      version,
      architecture,
      multiArch,
      essential,
      important,
      priority,
      section,
      sourceName,
      sourceVersion,
    },
    {
      name: "a",
      version: "1.0-1",
      architecture: "amd64",
      multiArch: "same",
      essential: true,
      important: false,
      priority: "required",
      section: "libs",
      sourceName: "src-a",
      sourceVersion: "1.0-2",
    },
  );
  const { filename, sizeBytes, digest, installedSizeKiB, origin } = item;
  assert.deepEqual(
    { filename, sizeBytes, digest, installedSizeKiB, origin },
    { filename: "./a.deb", sizeBytes: 100, digest: `sha256:${hex}`, installedSizeKiB: 42, origin: "test" },
  );
  assert.deepEqual(item.depends, [
    [{ name: "b", version: { op: ">=", version: "1" } }],
    [{ name: "c" }, { name: "d" }],
  ]);
  const others = [item.preDepends, item.recommends, item.conflicts, item.breaks, item.replaces]
    .flat(2)
    .map((relation) => relation.name);
  assert.deepEqual(others, ["e", "f", "g", "h", "i"]);
  assert.deepEqual(
    item.provides.flat().map((relation) => relation.name),
    ["j", "k"],
  );
});

test("parsePackages fills in what a stanza leaves out", () => {
  const [item] = indexOf(stanza()).named("a");
  assert.deepEqual(
    [
      item?.sourceName,
      item?.sourceVersion,
      item?.multiArch,
      item?.essential,
      item?.priority,
      item?.installedSizeKiB,
    ],
    ["a", "1.0-1", "no", false, "", 0],
  );
  assert.deepEqual([item?.depends, item?.provides], [[], []]);
});

test("PackageIndex finds packages by name, provided name and role", () => {
  const index = indexOf(
    stanza({ Package: "a", Provides: "virtual (= 2),\n folded" }),
    "# a comment\n\n",
    stanza({ Package: "b", package: undefined, Version: "1" }),
    stanza({ Package: "b", Version: "2", provides: "virtual" }),
    stanza({ Package: "c", IMPORTANT: "yes" }),
    stanza({ Package: "d", Priority: "required" }),
    stanza({ Package: "e", Essential: "yes" }),
    stanza({ Package: "f", Protected: "yes" }),
    stanza({ Package: "g", Priority: "optional", Essential: "yesterday" }),
    stanza({ Package: "h", Essential: "no", Important: "no" }),
  );
  const shown = (list: readonly { name: string; version: string }[]): string[] =>
    list.map(({ name, version }) => `${name} ${version}`);
  assert.deepEqual(shown(index.named("b")), ["b 1", "b 2"]);
  assert.deepEqual(shown(index.named("virtual")), []);
  assert.deepEqual(shown(index.providersOf("virtual")), ["a 1.0-1", "b 2"]);
  assert.deepEqual(shown(index.providersOf("folded")), ["a 1.0-1"]);
  assert.deepEqual(shown(index.providersOf("__proto__")), []);
  for (const name of ["c", "d", "e", "f"])
    assert.ok(
      index.basePackages.some((item) => item.name === name),
      name,
    );
  assert.ok(!index.basePackages.some((item) => ["a", "b", "g", "h"].includes(item.name)));
  assert.deepEqual([...index.names()], ["a", "b", "c", "d", "e", "f", "g", "h"]);
  assert.equal(index.packages.length, 9);
  assert.equal(index.named("a")[0], index.providersOf("folded")[0]);
});

test("parsePackages of nothing is empty", () => {
  for (const text of ["", "\n\n", "# only a comment\n"]) assert.deepEqual(indexOf(text).packages, []);
});

test("PackageIndex takes a stanza twice, and refuses two files under one identity", () => {
  const twice = indexOf(stanza({ Provides: "v" }), stanza({ Provides: "v" }));
  assert.equal(twice.named("a").length, 1);
  assert.equal(twice.packages.length, 1);
  assert.equal(twice.providersOf("v").length, 1);
  for (const changes of [{ SHA256: other }, { Size: "101" }]) {
    const index = indexOf(stanza({ Provides: "v" }), stanza({ Provides: "v", ...changes }));
    for (const ask of [() => index.named("a"), () => index.packages, () => index.providersOf("v")]) {
      assert.throws(ask, (error) => isAshlarError(error, "DEBIAN_PACKAGE_DUPLICATE"));
    }
  }
});

test("PackageIndex refuses a bad stanza when it is asked for, and only then", () => {
  const bad: readonly Readonly<Record<string, string | undefined>>[] = [
    ...[
      "../x.deb",
      "pool/../../x.deb",
      "/x.deb",
      "http://host/x.deb",
      "file:/x",
      "pool//x.deb",
      "pool/./x.deb",
      "a b.deb",
      "x?y",
      "",
      "a\\b",
      "%2e%2e/x",
    ].map((name) => ({ Filename: name })),
    { Filename: undefined },
    { Size: undefined },
    { Size: "-1" },
    { Size: "1e3" },
    { Size: "9".repeat(16) },
    { SHA256: undefined },
    { SHA256: hex.slice(1) },
    { Version: undefined },
    { Version: "1".repeat(1 << 20) },
    { Version: "a b" },
    { Architecture: undefined },
    { Architecture: "../amd64" },
    { "Multi-Arch": "maybe" },
    { "Installed-Size": "x" },
    { Source: "a/b" },
  ];
  for (const changes of bad) {
    const index = indexOf(stanza(changes), stanza({ Package: "good" }));
    assert.equal(index.named("good").length, 1);
    assert.throws(() => index.named("a"), isAshlarError, JSON.stringify(changes).slice(0, 200));
  }
});

test("PackageIndex gives relations lazily and refuses malformed ones when asked", () => {
  const [item] = indexOf(stanza({ Depends: "a b" })).named("a");
  assert.throws(
    () => item?.depends,
    (error) => isAshlarError(error, "DEBIAN_RELATION_INVALID"),
  );
  assert.deepEqual(item?.conflicts, []);
});

test("parsePackages refuses stanzas without a name or with two", () => {
  const twoNames = [stanza({ package: "a" }), stanza({ package: "b" }), `${stanza()} \n${stanza({ Package: "b" })}`];
  for (const text of [stanza({ Package: undefined }), stanza({ Package: "" }), " a\nfoo\n", " a\n\n", ...twoNames]) {
    assert.throws(
      () => indexOf(text),
      (error) => isAshlarError(error, "DEBIAN_INDEX_INVALID"),
    );
  }
  assert.throws(() => indexOf(stanza({ Package: "a\u00a0" })).packages, isAshlarError);
  assert.throws(() => indexOf(` a\n${stanza()}`).packages, isAshlarError);
  assert.throws(
    () => indexOf(stanza({ Package: "../../etc" })).packages,
    (error) => isAshlarError(error, "DEBIAN_PACKAGE_INVALID"),
  );
});

test("parsePackages stands a million stanzas and a field of 100 MB", () => {
  const started = performance.now();
  const many = parsePackages(Buffer.alloc(12 << 20, "Package: a\n\n"), {
    architecture: "amd64",
    source: "test",
  });
  assert.throws(() => many.named("a"), isAshlarError);
  const huge = Buffer.concat([
    Buffer.from("Package: a\nDescription: "),
    Buffer.alloc(100 << 20, "x"),
    Buffer.from("\n"),
  ]);
  const index = parsePackages(huge, { architecture: "amd64", source: "test" });
  assert.throws(
    () => index.named("a"),
    (error) => isAshlarError(error, "DEBIAN_CONTROL_INVALID"),
  );
  assert.ok(performance.now() - started < 5000);
});
