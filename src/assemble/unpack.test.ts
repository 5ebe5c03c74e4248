// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { digestOf, limits } from "../base/index.ts";
import { buildDeb, type DebFile } from "../debian/testing/build-deb.ts";
import { loadCompressor } from "../formats/index.ts";
import { openStore, type Store } from "../store/index.ts";
import { type PackageRecord, type UnpackTask, unpackAction } from "./unpack.ts";
import { unpackAll } from "./unpack-pool.ts";

const compressor = await loadCompressor();

/** A store in a directory of its own, with .debs beside it. */
function withStore(run: (store: Store, dir: string) => Promise<void>): () => Promise<void> {
  return async () => {
    const dir = mkdtempSync(join(tmpdir(), "ashlar-unpack-"));
    mkdirSync(join(dir, "debs"));
    const store = openStore(join(dir, "store"), { compressor });
    try {
      await run(store, dir);
    } finally {
      store.close();
      rmSync(dir, { recursive: true });
    }
  };
}

function makeTask(
  dir: string,
  name: string,
  files: Record<string, DebFile>,
  claimed: object = {},
): UnpackTask {
  const fields = { Package: name, Version: "1.0-1", Architecture: "amd64" };
  const bytes = buildDeb({ fields, files, compression: "xz" });
  const path = join(dir, "debs", `${name}.deb`);
  writeFileSync(path, bytes);
  const known = { name, version: "1.0-1", architecture: "amd64", digest: digestOf(bytes) };
  return { ...known, sizeBytes: bytes.length, path, ...claimed };
}

function recordOf(store: Store, task: UnpackTask): PackageRecord {
  const digest = store.getAction(unpackAction(task.digest))?.value as ReturnType<typeof digestOf>;
  return store.readRecord(digest).value as unknown as PackageRecord;
}

const noise = (size: number, seed: number): Buffer => {
  const bytes = Buffer.alloc(size);
  for (let i = 0, x = seed; i < size; i++) bytes[i] = (x = (x * 1103515245 + 12345) & 0x7fffffff) >>> 16;
  return bytes;
};

test("unpackAll gives the same records over one thread and over two, many packages to a thread", async () => {
  const seen: string[] = [];
  for (const workers of [1, 2]) {
    await withStore(async (store, dir) => {
      const tasks = Array.from({ length: 9 }, (_, i) =>
        makeTask(dir, `pkg${i}`, { [`usr/f${i}`]: noise(400_000, i + 1) }),
      );
      const done: string[] = [];
      const onDone = (task: UnpackTask): void => void done.push(task.name);
      const records = await unpackAll(tasks, { store, storeDir: join(dir, "store"), workers, onDone });
      assert.equal(done.length, 9);
      seen.push(JSON.stringify(tasks.map((task) => records.get(task.digest))));
    })();
  }
  assert.equal(seen[0], seen[1]);
});

test(
  "unpackAll keeps times, owners, hard links and what files say of others",
  withStore(async (store, dir) => {
    const big = noise(limits.frameBytesMax + 5, 7);
    const task = makeTask(dir, "kinds", {
      "usr/bin/tool": { type: "file", content: "#!/bin/sh -e\n", mode: 0o4755, uid: 3 },
      "usr/bin/tool2": { type: "hardlink", target: "usr/bin/tool" },
      "usr/lib/big": big,
      "etc/link": { type: "symlink", target: "../usr/bin/tool" },
    });
    await unpackAll([task], { store, storeDir: join(dir, "store"), workers: 2 });
    const record = recordOf(store, task);
    const lines = store
      .readTree(record.tree)
      .map((entry) => `${entry.type} ${entry.path} ${entry.mode.toString(8)} ${entry.uid}`);
    assert.deepEqual(
      lines.filter((line) => !line.startsWith("dir ")),
      [
        "symlink etc/link 777 0",
        "file usr/bin/tool 4755 3",
        "hardlink usr/bin/tool2 4755 3",
        "file usr/lib/big 644 0",
      ],
    );
    assert.deepEqual(Object.values(record.facts), [{ shebang: { interpreter: "/bin/sh", argument: "-e" } }]);
    assert.ok(Buffer.from(store.read(digestOf(big))).equals(big));
    assert.ok("control" in record.control && "md5sums" in record.control);
  }),
);

test(
  "unpackAll refuses a .deb that is not what the lock says, from a thread too, and keeps nothing of it",
  withStore(async (store, dir) => {
    const files = { "usr/x": noise(700_000, 3) };
    const good = makeTask(dir, "good", files);
    const bad = makeTask(dir, "bad", { "usr/y": noise(900_000, 4) }, { version: "2.0" });
    for (const workers of [1, 2]) {
      const run = unpackAll([bad, good], { store, storeDir: join(dir, "store"), workers });
      await assert.rejects(run, { name: "AshlarError", code: "DEBIAN_DEB_MISMATCH" });
      assert.equal(store.getAction(unpackAction(bad.digest)), undefined);
    }
  }),
);

test(
  "unpackAll refuses a truncated .deb with a typed error",
  withStore(async (store, dir) => {
    const task = makeTask(dir, "cut", { "usr/x": "text" });
    const bytes = buildDeb({
      fields: { Package: "cut", Version: "1.0-1", Architecture: "amd64" },
      files: { x: "y" },
    });
    for (const length of [0, 8, 100, bytes.length - 600]) {
      writeFileSync(task.path, bytes.subarray(0, length));
      await assert.rejects(unpackAll([task], { store, storeDir: join(dir, "store"), workers: 1 }), {
        name: "AshlarError",
      });
    }
  }),
);
