// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { chmodSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { AshlarError, type Digest, limits } from "../base/index.ts";
import { loadCompressor } from "../formats/index.ts";
import { openStore } from "./disk-store.ts";
import { putJoined } from "./joined.contract.ts";
import { Layout } from "./layout.ts";
import { listPacks } from "./recover.ts";
import { freshDirs } from "./testing/fresh-dir.ts";
import { hasCode, put, sample } from "./testing/sample.ts";
import { withStore } from "./testing/with-store.ts";

const freshDir = freshDirs();
const compressor = await loadCompressor();

/** A store with one pack, and that pack's path. */
function makeStore(...contents: Uint8Array[]): { dir: string; pack: string; digests: Digest[] } {
  const dir = freshDir();
  const store = openStore(dir, { compressor });
  const digests = put(store, ...contents).map((info) => info.digest);
  store.close();
  const layout = new Layout(dir);
  const pack = layout.pack(listPacks(layout)[0] as Digest);
  chmodSync(pack, 0o600);
  return { dir, pack, digests };
}

test("read serves no byte of a pack with a flipped bit, and fsck finds each", () => {
  const contents = [Buffer.from("hello hello hello hello"), sample(1, 700), Buffer.from("x")];
  verifyFlips(contents, makeStore(...contents));
});

test("the same of a pack with a joined content", () => {
  const pieces = [Buffer.from("hello hello hello hello"), sample(1, 300)];
  const dir = freshDir();
  const whole = withStore(dir, (store) => putJoined(store, ...pieces));
  const layout = new Layout(dir);
  const pack = layout.pack(listPacks(layout)[0] as Digest);
  chmodSync(pack, 0o600);
  const digests = [...whole.frames.map(({ digest }) => digest), whole.digest];
  verifyFlips([...pieces, Buffer.concat(pieces)], { dir, pack, digests });
});

function verifyFlips(contents: readonly Uint8Array[], { dir, pack, digests }: ReturnType<typeof makeStore>): void {
  const good = readFileSync(pack);
  for (let bit = 0; bit < good.length * 8; bit += 37) {
    const bad = Buffer.from(good);
    bad[bit >> 3] = (bad[bit >> 3] as number) ^ (1 << (bit & 7));
    writeFileSync(pack, bad);
    withStore(dir, (store) => {
      assert.notDeepEqual(store.fsck({ full: true }).faults, [], `bit ${bit}`);
      digests.forEach((digest, i) => {
        verifyOrDamaged(() => Buffer.from(store.read(digest)), contents[i] as Uint8Array);
        verifyOrDamaged(() => Buffer.concat([...store.stream(digest)]), contents[i] as Uint8Array);
      });
    });
  }
  writeFileSync(pack, good);
  withStore(dir, (store) => assert.deepEqual(store.fsck({ full: true }).faults, []));
}

function verifyOrDamaged(read: () => Uint8Array, want: Uint8Array): void {
  try {
    assert.ok(Buffer.from(want).equals(read()));
  } catch (error) {
    assert.ok(error instanceof AshlarError && error.code === "STORE_CONTENT_DAMAGED", String(error));
  }
}

test("readFrames refuses a frame with any flipped bit, also one that decompresses to the same", () => {
  const { dir, pack, digests } = makeStore(Buffer.from("hello hello hello hello"));
  const good = readFileSync(pack);
  const stored = withStore(dir, (store) => store.readFrames(digests[0] as Digest).length);
  for (let bit = 0; bit < stored * 8; bit++) {
    const bad = Buffer.from(good);
    bad[16 + (bit >> 3)] = (bad[16 + (bit >> 3)] as number) ^ (1 << (bit & 7));
    writeFileSync(pack, bad);
    withStore(dir, (store) => {
      assert.throws(() => store.readFrames(digests[0] as Digest), hasCode("STORE_CONTENT_DAMAGED"));
      assert.throws(() => [...store.streamFrames(digests[0] as Digest)], hasCode("STORE_CONTENT_DAMAGED"));
    });
  }
});

test("a pack that is empty, cut anywhere or gone gives typed errors, from an old index and a new one", () => {
  const { dir, pack, digests } = makeStore(Buffer.from("hello"), sample(2, 300));
  const good = readFileSync(pack);
  for (let length = 0; length < good.length; length += 7) {
    writeFileSync(pack, good);
    truncateSync(pack, length);
    withStore(dir, (store) => {
      for (const digest of digests) assert.throws(() => store.read(digest), hasCode("STORE_CONTENT_DAMAGED"));
      const faults = store.fsck({ full: false }).faults;
      assert.deepEqual(faults.map((fault) => fault.what), [pack, ...digests], `length ${length}`);
    });
  }
  rmSync(join(dir, "index.sqlite"));
  withStore(dir, (store) => {
    for (const digest of digests) assert.equal(store.has(digest), false, "a damaged pack is not taken into an index");
    assert.equal(store.fsck({ full: false }).faults.length, 1);
  });
  rmSync(pack);
  withStore(dir, (store) => assert.deepEqual(store.fsck({ full: true }).faults, []));
});

test("fsck --repair saves what is sound of a damaged pack, and the rest can be put again", () => {
  const large = sample(3, limits.frameBytesMax + 10);
  const { dir, pack, digests } = makeStore(Buffer.from("first"), large, Buffer.from("last"));
  const bad = readFileSync(pack);
  bad[16] = (bad[16] as number) ^ 1;
  writeFileSync(pack, bad);
  withStore(dir, (store) => {
    assert.deepEqual(store.fsck({ full: true, repair: true }).faults.map((fault) => fault.what), [digests[0]]);
    assert.deepEqual(store.fsck({ full: true }).faults, []);
    assert.equal(store.has(digests[0] as Digest), false);
    assert.ok(Buffer.from(store.read(digests[1] as Digest)).equals(large));
    assert.equal(Buffer.from(store.read(digests[2] as Digest)).toString(), "last");
    put(store, "first");
    assert.equal(Buffer.from(store.read(digests[0] as Digest)).toString(), "first");
  });
  rmSync(join(dir, "index.sqlite"));
  withStore(dir, (store) => {
    assert.equal(store.stats().contents, 3);
    assert.deepEqual(store.fsck({ full: true }).faults, []);
  });
});

test("fsck --repair forgets a pack whose file is gone and names what refs miss", () => {
  const dir = freshDir();
  const store = openStore(dir, { compressor });
  const [info] = put(store, "content");
  store.setRef("image", store.putRecord("image", { contents: [info?.digest as Digest] }));
  const layout = new Layout(dir);
  const sizeOf = (id: Digest): number => readFileSync(layout.pack(id)).length;
  const first = listPacks(layout).sort((a, b) => sizeOf(a) - sizeOf(b))[0] as Digest;
  rmSync(layout.pack(first));
  store.close();
  withStore(dir, (again) => {
    assert.equal(again.has(info?.digest as Digest), true);
    const faults = again.fsck({ full: false, repair: true }).faults;
    assert.deepEqual(faults.map(({ kind, refs }) => [kind, ...refs]), [["pack", "image"], ["content", "image"]]);
    assert.equal(again.has(info?.digest as Digest), false);
  });
});

test("openStore makes a damaged, cut or missing index again from the packs", () => {
  const contents = [Buffer.from("one"), sample(4, 900)];
  const { dir, digests } = makeStore(...contents);
  const index = join(dir, "index.sqlite");
  const good = readFileSync(index);
  const damages: (() => void)[] = [
    () => rmSync(index),
    () => writeFileSync(index, ""),
    () => writeFileSync(index, "not a database, and longer than a header of one hundred bytes ".repeat(10)),
    () => writeFileSync(index, good.subarray(0, 50)),
    () => writeFileSync(index, Buffer.concat([good.subarray(0, 100), Buffer.alloc(good.length - 100, 0xff)])),
  ];
  for (const damage of damages) {
    damage();
    withStore(dir, (store) => {
      digests.forEach((digest, i) => assert.ok(Buffer.from(store.read(digest)).equals(contents[i] as Buffer)));
      assert.deepEqual(store.fsck({ full: true }).faults, []);
    });
  }
});

test("openStore refuses a damaged database of refs with a hint, and leaves it", () => {
  const { dir } = makeStore(Buffer.from("x"));
  writeFileSync(join(dir, "refs.sqlite"), "not a database ".repeat(100));
  withStore(dir, (store) => {
    assert.throws(() => store.listRefs(), hasCode("STORE_REFS_DAMAGED"));
    assert.match(store.fsck({ full: false }).faults[0]?.what ?? "", /refs/);
    assert.throws(() => store.gc({}), hasCode("STORE_REFS_DAMAGED"));
  });
});
