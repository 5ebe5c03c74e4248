// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { type Digest, digestOf, isAshlarError } from "../base/index.ts";
import { loadCompressor } from "../formats/index.ts";
import { openStore } from "./disk-store.ts";
import { joinStore, shareStore } from "./shared-store.ts";
import type { Store } from "./store.ts";
import { encodeStoreFormat, parseStoreFormat, privateVersion } from "./store-format.ts";
import { freshDirs } from "./testing/fresh-dir.ts";

const freshDir = freshDirs();
const compressor = await loadCompressor();
const fixtures = join(import.meta.dirname, "testing/fixtures");
const tree = "sha256:86b228156eaa1da743aef474240233a4c23f55ca5da43520c5a5b70adfd164bc" as Digest;
const joined = "first half, second half";

function unpacked(version: number): string {
  const dir = freshDir();
  mkdirSync(dir, { mode: 0o700 });
  const args = ["-xzf", join(fixtures, `store-${version}.tar.gz`), "-C", dir];
  const { status, stderr } = spawnSync("tar", args, { encoding: "utf8" });
  assert.equal(status, 0, stderr);
  return dir;
}

function formatOf(dir: string): string {
  return readFileSync(join(dir, "format"), "utf8");
}

function verifyFixture(store: Store, version: number): void {
  assert.deepEqual(store.listRefs().map(({ name }) => name), version === 1 ? ["fixture"] : ["fixture", "joined"]);
  assert.deepEqual(store.getRefOrigin("fixture"), version < 4 ? undefined : ["build", "/srv/fixture"]);
  const { value, reaches } = store.readRecord(store.getRef("fixture") as Digest);
  assert.deepEqual([value, reaches], [{ kind: "fixture" }, { trees: [tree] }]);
  const texts = store.readTree(tree).flatMap((entry) => {
    return entry.type === "file" ? [Buffer.from(store.read(entry.content)).toString()] : [];
  });
  assert.deepEqual(texts, ["127.0.0.1 localhost\n", "made by an earlier release\n"]);
  if (version > 1) assert.equal(Buffer.from(store.read(digestOf(joined))).toString(), joined);
  assert.deepEqual(store.fsck({ full: true }).faults, []);
}

test("there is a store of each version, and each is brought up to this one without a loss", () => {
  const versions = readdirSync(fixtures).flatMap((name) => /^store-(\d+)\.tar/.exec(name)?.[1] ?? []).map(Number);
  assert.deepEqual(versions.sort(), [1, 2, privateVersion]);
  for (const version of versions) {
    const dir = unpacked(version);
    assert.equal(formatOf(dir), `ashlar store ${version}\n`);
    for (const round of [1, 2]) {
      const store = openStore(dir, { compressor });
      assert.equal(formatOf(dir), `ashlar store ${privateVersion}\n`, `round ${round}`);
      verifyFixture(store, version);
      if (round === 1) assert.equal(store.gc({}).removedPacks, 0);
      const added = store.beginPack();
      added.putJoined([Buffer.from("some"), Buffer.from("thing new")]);
      added.commit();
      store.close();
    }
  }
});

test("a store of a newer version is refused with what to do, and left as it is", () => {
  const dir = unpacked(2);
  for (const version of [6, 7, 999_999_999]) {
    writeFileSync(join(dir, "format"), `ashlar store ${version}\nwhatever follows\n`);
    const isRefused = (error: unknown): boolean =>
      isAshlarError(error, "STORE_FORMAT_NEWER") && /release of Ashlar/.test(error.hint ?? "");
    assert.throws(() => openStore(dir, { compressor }), isRefused);
    assert.equal(formatOf(dir), `ashlar store ${version}\nwhatever follows\n`);
  }
});

test("a migration that is killed at any call leaves the version before or this one, and the next one ends it", (t) => {
  if (spawnSync("strace", ["-V"]).status !== 0) {
    if (process.env["CI"] !== undefined) throw new Error("CI must have strace");
    return t.skip("needs strace");
  }
  const whole = unpacked(1);
  const child = `const { openStore } = await import(${JSON.stringify(join(import.meta.dirname, "disk-store.ts"))});
    openStore(process.argv[1]).close();`;
  const node = [process.execPath, "--disable-warning=ExperimentalWarning", "--input-type=module", "-e", child];
  const seen = new Set<string>();
  for (const call of ["rename", "fsync", "fchmod"]) {
    for (let when = 1; ; when++) {
      const dir = freshDir();
      cpSync(whole, dir, { recursive: true });
      const kill = ["-f", "-qq", "-o", "/dev/null", `-e`, `inject=${call}:signal=SIGKILL:when=${when}`];
      const { signal, status } = spawnSync("strace", [...kill, ...node, dir], { encoding: "utf8" });
      seen.add(formatOf(dir));
      const store = openStore(dir, { compressor });
      assert.equal(formatOf(dir), `ashlar store ${privateVersion}\n`, `killed at ${call} ${when}`);
      verifyFixture(store, 1);
      store.close();
      if (signal === null && status === 0) break;
      assert.ok(when < 40);
    }
  }
  assert.deepEqual([...seen].sort(), ["ashlar store 1\n", "ashlar store 2\n", "ashlar store 4\n"]);
});

test("parseStoreFormat reads what encodeStoreFormat writes, whatever the shared directory's name is", () => {
  for (const shared of ["/srv/ashlar", "/a \n\"'\\ö", "/"]) {
    const member = { kind: "member", version: 5, shared, uid: 0, gid: 4_294_967_295 } as const;
    assert.deepEqual(parseStoreFormat(encodeStoreFormat(member)), member);
  }
  for (const format of [{ kind: "private", version: 1 }, { kind: "shared", version: 3, gid: 7 }] as const) {
    assert.deepEqual(parseStoreFormat(encodeStoreFormat(format)), format);
  }
  assert.deepEqual(parseStoreFormat("ashlar store 6\nmore"), { kind: "newer", version: 6 });
});

test("what members share is brought up by whoever opens it first, with the store of each", () => {
  const shared = freshDir();
  const members = [freshDir(), freshDir()] as const;
  shareStore(shared, process.getgid?.() ?? 0);
  for (const dir of members) joinStore(dir, shared);
  const store = openStore(members[0], { compressor });
  store.setRef("kept", store.putRecord("kept", {}));
  store.close();
  for (const dir of [shared, ...members]) {
    rmSync(join(dir, "format"));
    writeFileSync(join(dir, "format"), "ashlar store 3\n");
  }
  const sharing = [shared, ...members].map((dir) => readFileSync(join(dir, "sharing"), "utf8"));
  for (const dir of members) {
    const opened = openStore(dir, { compressor });
    assert.equal(opened.readRecord(opened.getRef("kept") as Digest).value, "kept");
    opened.close();
    assert.deepEqual([formatOf(dir), formatOf(shared)], ["ashlar store 5\n", "ashlar store 5\n"]);
  }
  assert.deepEqual([shared, ...members].map((dir) => readFileSync(join(dir, "sharing"), "utf8")), sharing);
  assert.equal(statSync(join(shared, "format")).mode & 0o777, 0o440);
});
