// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import fc from "fast-check";

import { withoutLibraries } from "./ld-cache.ts";

const hostCache = "/etc/ld.so.cache";
const ldconfig = "/sbin/ldconfig";
const hasCache = existsSync(hostCache) && existsSync(ldconfig);
const skip = process.env["CI"] === undefined && !hasCache && "needs ldconfig and its cache";

/** What ldconfig reads in a cache: `name (kind) => path` a line, and who made it. */
function listed(cache: Uint8Array): { readonly lines: string[]; readonly maker: string | undefined } {
  const dir = mkdtempSync(join(tmpdir(), "ashlar-ldcache-"));
  try {
    writeFileSync(join(dir, "cache"), cache);
    const out = execFileSync(ldconfig, ["-p", "-C", join(dir, "cache")], { encoding: "utf8", stdio: "pipe" });
    const lines = out.trimEnd().split("\n");
    return {
      lines: lines.filter((line) => line.includes("=>")),
      maker: lines.find((line) => line.startsWith("Cache")),
    };
  } finally {
    rmSync(dir, { recursive: true });
  }
}

test("withoutLibraries leaves a cache in which ldconfig reads exactly what is kept", { skip }, () => {
  const cache = readFileSync(hostCache);
  const all = listed(cache);
  assert.ok(all.lines.length > 10);
  const kept = (path: string): boolean => !/[aeiou]\.so/.test(path);
  const want = all.lines.filter((line) => kept(line.replace(/.* => /, "")));
  const made = withoutLibraries(cache, kept) ?? Buffer.alloc(0);
  assert.deepEqual(listed(made), { lines: want, maker: all.maker });
  assert.ok(want.length > 0 && want.length < all.lines.length);
  assert.doesNotMatch(Buffer.from(made).toString("latin1"), /\/[^\0]*[aeiou]\.so/);
  assert.deepEqual(
    withoutLibraries(made, () => true),
    made,
  );
  assert.deepEqual(listed(withoutLibraries(cache, () => false) ?? Buffer.alloc(0)), {
    lines: [],
    maker: all.maker,
  });
});

/** A cache of the format, as small as can be. */
function makeCache(libraries: readonly (readonly [string, string])[], isBig = false): Buffer {
  const header = Buffer.alloc(48);
  header.write("glibc-ld.so.cache1.1", "latin1");
  const entries = libraries.map(() => Buffer.alloc(24));
  const texts = Buffer.from(
    libraries
      .flat()
      .map((text) => `${text}\0`)
      .join(""),
    "latin1",
  );
  const put = (to: Buffer, value: number, at: number): number =>
    isBig ? to.writeUInt32BE(value, at) : to.writeUInt32LE(value, at);
  let at = 48 + libraries.length * 24;
  put(header, libraries.length, 20);
  put(header, texts.length, 24);
  header[28] = isBig ? 3 : 2;
  libraries.forEach(([key, value], i) => {
    put(entries[i] as Buffer, at, 4);
    put(entries[i] as Buffer, at + key.length + 1, 8);
    at += key.length + value.length + 2;
  });
  return Buffer.concat([header, ...entries, texts]);
}

test("withoutLibraries reads caches of both byte orders, and knows what is none", () => {
  for (const isBig of [false, true]) {
    const cache = makeCache(
      [
        ["libb.so.1", "/lib/libb.so.1"],
        ["liba.so", "/opt/x/real.so"],
      ],
      isBig,
    );
    const all = Buffer.from(withoutLibraries(cache, () => true) ?? []).toString("latin1");
    assert.ok(all.includes("/lib/libb.so.1\0/opt/x/real.so\0liba.so\0"));
    const one = Buffer.from(withoutLibraries(cache, (path) => path.startsWith("/opt")) ?? []);
    assert.equal(isBig ? one.readUInt32BE(20) : one.readUInt32LE(20), 1);
    assert.ok(!one.includes("libb"));
  }
  for (const text of ["", "ld.so-1.7.0\0", "glibc-ld.so.cache1.1"]) {
    assert.equal(
      withoutLibraries(Buffer.from(text), () => true),
      undefined,
    );
  }
});

test("withoutLibraries ends on damaged caches and makes no more of them than there was", () => {
  const cache = makeCache(Array.from({ length: 20 }, (_, i) => [`lib${i}.so`, `/lib/lib${i}.so`] as const));
  const damage = fc.array(fc.tuple(fc.nat(cache.length - 1), fc.nat(255)), { maxLength: 20 });
  fc.assert(
    fc.property(damage, fc.nat(cache.length), (changes, length) => {
      const bytes = Buffer.from(cache.subarray(0, length));
      for (const [at, value] of changes) if (at < length) bytes[at] = value;
      const made = withoutLibraries(bytes, () => true);
      assert.ok(made === undefined || made.length <= 64 + bytes.length * 30);
    }),
  );
});
