// SPDX-License-Identifier: Apache-2.0
// What other users make or rename in the places that Ashlar writes to leads nothing out of them.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { isAshlarError, parsePath } from "../../src/base/index.ts";
import { loadCompressor, makeTree } from "../../src/formats/index.ts";
import { sourceOf } from "../../src/oci/index.ts";
import { copyImage, openTarget } from "../../src/registry/index.ts";
import { sampleImage } from "../../src/registry/testing/sample-image.ts";
import { openStore } from "../../src/store/index.ts";
import { alice, bob, needsRoot, sharedPlace, shellAs, storeAs } from "./testing/as-user.ts";

const compressor = await loadCompressor();

function hasCode(code: string): (error: unknown) => boolean {
  return (error) => isAshlarError(error, code);
}

test("checkout takes no directory or symlink of another user for its own", (t) => {
  if (needsRoot(t)) return;
  const place = sharedPlace(alice, bob);
  const victim = join(place, `${alice}`, "victim");
  shellAs({ uid: alice }, 'mkdir "$1"', victim);
  chmodSync(join(place, `${alice}`), 0o711);
  shellAs({ uid: bob }, 'ln -s "$1" "$2/link"; mkdir -m 777 "$2/empty" "$2/full"; : >"$2/full/file"', victim, place);
  const store = join(place, `${alice}`, "store");
  assert.equal(storeAs({ uid: alice }, store, `checkout=${place}/link`).code, "STORE_CHECKOUT_FOREIGN");
  assert.equal(storeAs({ uid: alice }, store, `checkout=${place}/empty`).code, "STORE_CHECKOUT_FOREIGN");
  assert.equal(storeAs({ uid: alice }, store, `checkout=${place}/full`).code, "STORE_CHECKOUT_NOT_EMPTY");
  assert.deepEqual(readdirSync(victim), []);
  const roots = join(place, "roots-store");
  assert.equal(storeAs({ uid: 0 }, roots, `checkout=${place}/link`).code, "STORE_CHECKOUT_FOREIGN");
  assert.equal(storeAs({ uid: 0 }, roots, `checkout=${place}/full`).code, "STORE_CHECKOUT_NOT_EMPTY");
  assert.equal(lstatSync(join(place, "full")).uid, bob, "what is refused stays whose it was");
  // Root takes an empty one: whoever made it has nothing to say there any more.
  assert.deepEqual(storeAs({ uid: 0 }, roots, `checkout=${place}/empty`).given, ["link"]);
  assert.equal(lstatSync(join(place, "empty")).uid, 0);
  assert.match(shellAs({ uid: bob }, 'touch "$1/empty/x"', place), /failed/);
});

/** Points a symlink now here, now there, as whoever owns the directory can, until it is killed. */
const swapper = `
  const { renameSync, symlinkSync } = require("node:fs");
  const [, name, ...targets] = process.argv;
  process.stdout.write("going");
  for (let i = 0; ; i++) {
    symlinkSync(targets[i % 2], name + ".new");
    renameSync(name + ".new", name);
  }`;

test("a checkout goes on in the directory where it began while others rename what is above", async (t) => {
  if (needsRoot(t)) return;
  const place = sharedPlace(bob);
  const [out, victim] = [join(place, `${bob}`, "out"), join(place, "victim")];
  mkdirSync(join(victim, "root/etc"), { recursive: true });
  writeFileSync(join(victim, "root/etc/passwd"), "precious");
  chmodSync(join(place, `${bob}`), 0o755);
  shellAs({ uid: bob }, 'mkdir "$1.real"; ln -s "$1.real" "$1"', out);
  const store = openStore(join(place, "store"), { compressor });
  const meta = { mode: 0o644, uid: 0, gid: 0, mtimeSeconds: 0 };
  const pack = store.beginPack();
  const files = Array.from({ length: 700 }, (_, i) => {
    const { digest: content, sizeBytes } = pack.put(Buffer.from(`${i}`));
    return { ...meta, type: "file" as const, path: parsePath(`etc/file-${i}`), content, sizeBytes };
  });
  pack.commit();
  const tree = makeTree([{ ...meta, mode: 0o755, type: "dir", path: parsePath("etc") }, ...files]);
  const args = ["-e", swapper, out, `${out}.real`, victim];
  const child = spawn(process.execPath, args, { uid: bob, gid: bob, stdio: ["ignore", "pipe", "inherit"] });
  await once(child.stdout, "data");
  let done = 0;
  for (let i = 0; i < 10; i++) {
    try {
      store.checkout(tree, join(out, `root-${i}`), { mode: i % 2 === 0 ? "link" : "copy" });
      done++;
    } catch (error) {
      // The way to it was not there when it began.
      assert.ok(hasCode("STORE_CHECKOUT_FAILED")(error), String(error));
    }
  }
  child.kill("SIGKILL");
  await once(child, "exit");
  t.diagnostic(`${done} of 10 checkouts were made`);
  // A new directory may be made behind the symlink, where the user's own path led; what was there is untouched.
  assert.equal(readFileSync(join(victim, "root/etc/passwd"), "utf8"), "precious");
  assert.ok(done > 0);
  for (const base of [victim, `${out}.real`]) {
    for (const name of readdirSync(base).filter((one) => one.startsWith("root-"))) {
      const count = existsSync(join(base, name, "etc")) ? readdirSync(join(base, name, "etc")).length : 0;
      assert.ok(count === 0 || count === 700, `${name}: whole or nothing, and never in two places: ${count}`);
    }
  }
  store.close();
});

test("an image goes into no layout whose directories are symlinks of another user", async (t) => {
  if (needsRoot(t)) return;
  const place = sharedPlace(bob);
  const victim = join(place, "victim");
  mkdirSync(victim);
  const script = 'cd "$1"; mkdir -p a/blobs b; ln -s "$2" a/blobs/sha256; ln -s "$2" b/blobs; ln -s "$2" c';
  assert.equal(shellAs({ uid: bob }, script, place, victim), "");
  for (const name of ["a", "b", "c"]) {
    const target = openTarget("oci", join(place, name));
    const copied = copyImage(sourceOf(sampleImage("none")), target, { tag: "x" });
    await assert.rejects(copied, hasCode("REGISTRY_LAYOUT"), name);
    await target.abort();
  }
  assert.deepEqual(readdirSync(victim), []);
});
