// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { readdirSync, readFileSync, realpathSync } from "node:fs";
import { test } from "node:test";

import { parseElf } from "./elf.ts";
import { makeElf } from "./testing/make-elf.ts";
import { hasPrograms, run } from "./testing/oracle.ts";

test("parseElf reads both classes and byte orders", () => {
  for (const wide of [true, false]) {
    for (const little of [true, false]) {
      const bytes = makeElf({
        wide,
        little,
        interpreter: "/lib/ld.so",
        needed: ["liba.so.1", "libb.so"],
        soname: "me.so",
        rpath: "/a:/b",
        runpath: "$ORIGIN/../lib",
      });
      assert.deepEqual(parseElf(bytes), {
        class: wide ? 64 : 32,
        machine: 62,
        type: "dyn",
        interpreter: "/lib/ld.so",
        needed: ["liba.so.1", "libb.so"],
        soname: "me.so",
        rpath: ["/a", "/b"],
        runpath: ["$ORIGIN/../lib"],
      });
    }
  }
});

test("parseElf gives undefined for other and damaged files, and never throws", () => {
  assert.equal(parseElf(Buffer.alloc(0)), undefined);
  assert.equal(parseElf(Buffer.from("#!/bin/sh\n")), undefined);
  assert.equal(parseElf(Buffer.from("\x7fELF")), undefined);
  const bytes = makeElf({ wide: true, little: true, needed: ["liba.so.1"], interpreter: "/lib/ld.so" });
  for (let length = 0; length < bytes.length; length++)
    assert.equal(parseElf(bytes.subarray(0, length)), undefined, `cut at ${length}`);
  for (let at = 0; at < bytes.length; at++) {
    const wrong = Buffer.from(bytes);
    wrong[at] = 0xff;
    parseElf(wrong);
  }
});

test("parseElf agrees with readelf on files of this system", (t) => {
  if (!hasPrograms(t, "readelf")) return;
  const dir = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu"].flatMap((path) => {
    try {
      return readdirSync(path)
        .filter((name) => /\.so\.\d+$/.test(name))
        .sort()
        .slice(0, 25)
        .map((name) => realpathSync(`${path}/${name}`));
    } catch {
      return [];
    }
  });
  for (const path of [...dir, "/bin/bash", "/usr/bin/env", process.execPath].map((name) => realpathSync(name))) {
    const text = run("readelf", ["-dlhW", path]).toString();
    const all = (pattern: RegExp): string[] => [...text.matchAll(pattern)].map((match) => match[1] as string);
    const info = parseElf(readFileSync(path));
    assert.ok(info, path);
    assert.deepEqual(info.needed, all(/\(NEEDED\).*\[(.*)\]/g), path);
    assert.deepEqual([info.soname ?? []].flat(), all(/\(SONAME\).*\[(.*)\]/g), path);
    assert.deepEqual([info.interpreter ?? []].flat(), all(/program interpreter: (.*)\]/g), path);
    assert.deepEqual(info.runpath.join(":"), all(/\(RUNPATH\).*\[(.*)\]/g).join(":"), path);
    assert.deepEqual(info.rpath.join(":"), all(/\(RPATH\).*\[(.*)\]/g).join(":"), path);
  }
});
