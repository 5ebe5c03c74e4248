// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import type { UnpackedPackage } from "../content.ts";
import { makePackage, memoryContents } from "../testing/make-package.ts";
import { groupPackages } from "./group-packages.ts";

const contents = memoryContents();

function item(name: string, sizeBytes: number, depends = "", by = "spec"): UnpackedPackage {
  const made = makePackage(name, { fields: depends === "" ? {} : { Depends: depends } }, contents);
  return { ...made, locked: { ...made.locked, sizeBytes, by: [by] } };
}

function names(packages: readonly UnpackedPackage[]): string[] {
  return groupPackages(packages, contents).map((group) => group.map(({ locked }) => locked.name).join(" "));
}

const nginx = [
  item("nginx", 50, "libpcre, libssl"),
  item("libpcre", 10, "", "nginx"),
  item("libssl", 40, "", "nginx"),
];
const curl = [item("curl", 30, "libssl, libcurl"), item("libcurl", 20, "", "curl")];

test("groupPackages puts each named package with what it needs into a group, the largest closure first", () => {
  assert.deepEqual(names([...curl, ...nginx]), ["libpcre libssl nginx", "curl libcurl"]);
  assert.deepEqual(names([...nginx, ...curl].reverse()), ["libpcre libssl nginx", "curl libcurl"]);
});

test("groupPackages leaves the groups before it as they are when a small package comes along", () => {
  assert.deepEqual(names([item("a-less", 5), ...curl, ...nginx]), [
    "libpcre libssl nginx",
    "curl libcurl",
    "a-less",
  ]);
});

test("groupPackages keeps packages that depend on each other together, and those that nobody needs for the end", () => {
  const loop = [item("x", 9, "y"), item("y", 9, "x", "x"), item("stray", 90, "", "z")];
  assert.deepEqual(names(loop), ["x y", "stray"]);
});

test("groupPackages bounds the number of steps", () => {
  const many = Array.from({ length: 17 }, (_, i) => item(`p${String(i).padStart(2, "0")}`, 100 - i));
  assert.deepEqual(names(many).slice(7), ["p07", "p08 p09 p10 p11", "p12 p13 p14 p15", "p16"]);
});
