// SPDX-License-Identifier: Apache-2.0
// Nobody but its user reads or writes a store, and nothing that others put in its way changes what a build gives.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, chownSync, lstatSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { symlinkSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { isAshlarError } from "../../src/base/index.ts";
import { openStore } from "../../src/store/index.ts";
import { alice, bob, needsRoot, sharedPlace, shellAs, storeAs } from "./testing/as-user.ts";

function hasCode(code: string): (error: unknown) => boolean {
  return (error) => isAshlarError(error, code);
}

/** Modes of what a store consists of, by the kind of thing. */
function modesBelow(dir: string): Map<string, Set<string>> {
  const modes = new Map<string, Set<string>>();
  const add = (path: string): void => {
    const stats = lstatSync(path);
    const name = path.slice(dir.length + 1).replaceAll(/[0-9a-f]{64}/g, "HEX");
    // These are as the image says.
    if (/^(links\/[0-9a-f]{2}\/|roots\/HEX)/.test(name)) return;
    modes.set(name, (modes.get(name) ?? new Set()).add((stats.mode & 0o7777).toString(8)));
    if (stats.isDirectory()) for (const entry of readdirSync(path)) add(join(path, entry));
  };
  add(dir);
  return modes;
}

test("every directory and file of a store is private to its user, whatever the umask is", (t) => {
  if (needsRoot(t)) return;
  const place = sharedPlace(alice);
  for (const umask of ["000", "022", "077", "027", "0277", "0777"]) {
    const dir = join(place, `${alice}`, umask, "store");
    mkdirSync(join(dir, ".."), { recursive: true });
    chownSync(join(dir, ".."), alice, alice);
    const done = storeAs({ uid: alice, umask }, dir, "keep=a", "look=a", `checkout=${dir}.root`, "action=x", "fsck");
    assert.deepEqual(done, { given: ["kept", "a", "link", "put", []] }, umask);
    for (const [name, seen] of modesBelow(dir)) {
      const isDir = lstatSync(join(dir, name.split("/")[0] as string)).isDirectory() && !/(HEX\S*|pack)$/.test(name);
      const want = isDir ? "700" : name.endsWith(".pack") ? "400" : "600";
      assert.deepEqual([...seen], [want], `umask ${umask}: ${name}`);
    }
    assert.deepEqual(storeAs({ uid: alice, umask: "022" }, dir, "ref=a").code, undefined);
    assert.match(shellAs({ uid: bob }, 'ls "$1"', dir), /Permission denied/);
  }
});

test("a store of another user is refused with the command that mends it, also by root", (t) => {
  if (needsRoot(t)) return;
  const place = sharedPlace(alice, bob);
  const dir = join(place, "stores");
  mkdirSync(dir, { mode: 0o755 });
  chmodSync(dir, 0o1777);
  const own = join(dir, "alice");
  storeAs({ uid: alice }, own, "keep=a");
  const before = spawnSync("find", [own, "-printf", "%p %u %m %T@ %C@\n"], { encoding: "utf8" }).stdout;
  const bobs = storeAs({ uid: bob }, own, "ref=a");
  assert.equal(bobs.code, "STORE_FOREIGN");
  assert.match(bobs.hint ?? "", new RegExp(`chown -R ${bob} `));
  assert.throws(() => openStore(own), hasCode("STORE_FOREIGN"));
  assert.equal(spawnSync("find", [own, "-printf", "%p %u %m %T@ %C@\n"], { encoding: "utf8" }).stdout, before);
  // The hint mends it.
  spawnSync("chown", ["-R", `${bob}`, own]);
  assert.equal(storeAs({ uid: bob }, own, "ref=a").code, undefined);
});

test("what somebody made before in a directory of all users is not taken for a store", (t) => {
  if (needsRoot(t)) return;
  const place = sharedPlace(alice, bob);
  const at = (name: string): string => join(place, name);
  chmodSync(join(place, `${bob}`), 0o755);
  const script = `cd "$1"; mkdir -m 777 empty made ${bob}/real; ln -s ${bob}/real link
    mkfifo -m 666 fifo made/format`;
  assert.equal(shellAs({ uid: bob }, script, place), "");
  for (const name of ["empty", "made", "link", "fifo"]) {
    for (const uid of [alice, 0]) {
      const { code } = storeAs({ uid }, at(name), "keep=a");
      assert.equal(code, name === "fifo" ? "STORE_IO" : "STORE_FOREIGN", `${name} by ${uid}`);
    }
  }
  assert.deepEqual(readdirSync(at("empty")), []);
  assert.deepEqual(readdirSync(join(place, `${bob}`, "real")), []);
  // A sticky directory lets nobody put another one in the place of hers later.
  assert.equal(storeAs({ uid: alice }, at("mine"), "keep=a").code, undefined);
  assert.match(shellAs({ uid: bob }, 'mv "$1" "$1.old"', at("mine")), /failed/);
});

test("a store that others can write to is refused until mended; one that they can read becomes private", (t) => {
  if (needsRoot(t)) return;
  const dir = join(sharedPlace(alice), `${alice}`, "store");
  storeAs({ uid: alice }, dir, "keep=a");
  for (const mode of [0o777, 0o770, 0o702, 0o720]) {
    chmodSync(dir, mode);
    const { code, hint } = storeAs({ uid: alice }, dir, "ref=a");
    assert.equal(code, "STORE_EXPOSED", mode.toString(8));
    shellAs({ uid: alice }, (/chmod [^&]*/.exec(hint ?? "") ?? ["false"])[0]);
    assert.equal(storeAs({ uid: alice }, dir, "ref=a", "fsck").code, undefined);
  }
  chmodSync(dir, 0o755);
  assert.equal(storeAs({ uid: alice }, dir, "ref=a").code, undefined);
  assert.equal(lstatSync(dir).mode & 0o7777, 0o700);
});

/** Puts something else in the place of a part of the store; the directory `out` is outside. */
const planted: readonly (readonly [what: string, plant: (path: string, out: string) => void])[] = [
  ["a symlink to a directory", (path, out) => symlinkSync(out, path)],
  ["a symlink to a file", (path, out) => symlinkSync(join(out, "file"), path)],
  ["a symlink to nothing", (path, out) => symlinkSync(join(out, "new"), path)],
  ["a fifo", (path) => void spawnSync("mkfifo", ["-m", "600", path])],
  ["a device", (path) => void spawnSync("mknod", ["-m", "600", path, "c", "1", "5"])],
];
const made = ["packs", "links", "roots", "plans", "checkouts", "downloads", "downloads/sha256", "tmp"];
const parts = [...made, "logs", "fetching", "quarantine"];
const databases = ["index", "refs", "adopted"].map((name) => `${name}.sqlite`);
const others = ["lease.lock", "setup.lock", "refs.log", "reserve", "boot", "sharing", "format"];
const files = [...databases.flatMap((name) => ["", "-wal", "-shm", "-journal"].map((end) => name + end)), ...others];

test("no symlink, fifo or device in the place of a store's part is used, and nothing hangs", (t) => {
  if (needsRoot(t)) return;
  const place = sharedPlace();
  const [dir, out] = [join(place, "store"), join(place, "out")];
  mkdirSync(out);
  writeFileSync(join(out, "file"), "precious");
  openStore(dir).close();
  let count = 0;
  for (const name of [...parts, ...files]) {
    for (const [what, plant] of planted) {
      const path = join(dir, name);
      const isThere = lstatSync(path, { throwIfNoEntry: false }) !== undefined;
      if (isThere) renameSync(path, `${dir}.aside`);
      plant(path, out);
      assert.throws(() => openStore(dir), hasCode(name === "format" ? "STORE_FORMAT_INVALID" : "STORE_STRANGE"), what);
      unlinkSync(path);
      if (isThere) renameSync(`${dir}.aside`, path);
      count++;
    }
  }
  assert.equal(count, 5 * 30);
  assert.deepEqual(readdirSync(out), ["file"]);
  assert.equal(readFileSync(join(out, "file"), "utf8"), "precious");
  openStore(dir).close();
});

test("a format file that is huge, binary or of many lines is refused without being read whole", (t) => {
  if (needsRoot(t)) return;
  const dir = join(sharedPlace(), "store");
  openStore(dir).close();
  rmSync(join(dir, "format"));
  spawnSync("truncate", ["-s", "1T", join(dir, "format")]);
  const start = performance.now();
  assert.throws(() => openStore(dir), hasCode("STORE_FORMAT_INVALID"));
  assert.ok(performance.now() - start < 1000);
  const shared = "ashlar store 5\n";
  const members = ["{}", "null", "[", '{"gid":0,"shared":"relative","uid":0}', '{"gid":-1,"shared":"/x","uid":0}'];
  const rests = ["", "group -1\n", "group 1", ...members.map((json) => `member ${json}\n`)];
  const heads = ["\0", "ashlar store 4\nx\n", "ashlar store 3\n"].map((text) => [text, ""]);
  for (const [text, sharing] of [...heads, ...rests.map((rest) => [shared, rest])]) {
    rmSync(join(dir, "format"));
    writeFileSync(join(dir, "format"), text as string);
    writeFileSync(join(dir, "sharing"), sharing as string);
    assert.throws(() => openStore(dir), hasCode("STORE_FORMAT_INVALID"), sharing);
  }
});
