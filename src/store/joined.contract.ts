// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import { digestOf, limits, parsePath } from "../base/index.ts";
import { decompressFrame, type Entry, makeTree, type Tree } from "../formats/index.ts";
import type { ContentInfo, Store } from "./store.ts";
import { hasCode, plainMeta, put, sample } from "./testing/sample.ts";

/** Puts a content as the join of pieces. */
export function putJoined(store: Store, ...pieces: readonly Uint8Array[]): ContentInfo {
  const pack = store.beginPack();
  const info = pack.putJoined(pieces);
  pack.commit();
  return info;
}

/** A tree that is large enough to be cut; its files are not in the store. */
export function largeTree(...more: readonly string[]): Tree {
  const names = [...Array.from({ length: 2000 }, (_, i) => `usr/share/name-${i}`), ...more];
  return makeTree(
    names.map((name): Entry => ({
      ...{ ...plainMeta, type: "file", path: parsePath(name), sizeBytes: 7 },
      content: digestOf(name),
    })),
  );
}

/** What every store must do with contents that are others joined. */
export function joinedContract(name: string, make: () => Store | Promise<Store>): void {
  const title = (text: string): string => `${name}: ${text}`;

  test(title("a joined content is a content like others, in the frames of its pieces"), async () => {
    const store = await make();
    const pieces = [Buffer.from("first "), sample(1, limits.frameBytesMax + 9), Buffer.from(" last")];
    const whole = Buffer.concat(pieces);
    const info = putJoined(store, ...pieces);
    const { digest } = info;
    assert.deepEqual([digest, info.sizeBytes, info.compressor], [digestOf(whole), whole.length, "joined"]);
    assert.deepEqual(info.frames.map((frame) => frame.rawBytes), [6, limits.frameBytesMax, 9, 5]);
    assert.equal(info.crc64, (await make()).put(whole).crc64);
    assert.deepEqual(store.info(digest), info);
    assert.equal(store.has(digest), true);
    assert.deepEqual(store.withPrefix(digest.slice(7, 27)), [digest]);
    assert.ok(Buffer.from(store.read(digest)).equals(whole));
    assert.ok(Buffer.concat([...store.stream(digest)]).equals(whole));
    const frames = [...store.streamFrames(digest)];
    assert.deepEqual(frames.map((frame) => frame.length), info.frames.map((frame) => frame.storedBytes));
    assert.ok(Buffer.concat(frames).equals(store.readFrames(digest)));
    const raws = frames.map((frame, i) => decompressFrame(frame, info.frames[i]?.rawBytes as number));
    assert.ok(Buffer.concat(raws).equals(whole));
    assert.equal(Buffer.from(store.read(digestOf("first "))).toString(), "first ");
    assert.deepEqual(store.fsck({ full: true }).faults, []);
    store.close();
  });

  test(title("pieces are shared, and a content that is here is not joined again, nor a join put again"), async () => {
    const store = await make();
    const [a, b, c] = [sample(1, 5000), sample(2, 5000), sample(3, 5000)];
    putJoined(store, a, b);
    const before = store.stats();
    putJoined(store, a, b, c);
    put(store, c, Buffer.concat([a, b]));
    putJoined(store, Buffer.concat([a, b]), c, a);
    const pack = store.beginPack();
    const first = pack.putJoined([c, a]);
    assert.deepEqual(pack.putJoined([c, a]), first);
    assert.deepEqual(pack.put(Buffer.concat([c, a])), first, "known before it is committed");
    pack.commit();
    const after = store.stats();
    assert.ok(after.packBytes < before.packBytes + 5000 + 10_000 + 3000, "c, and a and b as a piece");
    assert.deepEqual(store.fsck({ full: true }).faults, []);
    store.close();
  });

  test(title("no piece is a join: what is known as one is put beside it"), async () => {
    const store = await make();
    const [a, b, c] = [Buffer.from("aa"), Buffer.from("bb"), Buffer.from("cc")];
    const pack = store.beginPack();
    pack.putJoined([a, b]);
    const inPack = pack.putJoined([Buffer.from("aabb"), c]);
    pack.commit();
    assert.deepEqual(inPack.frames.map((frame) => frame.rawBytes), [4, 2]);
    putJoined(store, b, c);
    const later = putJoined(store, Buffer.from("bbcc"), a);
    assert.deepEqual(later.frames.map((frame) => frame.rawBytes), [4, 2]);
    for (const text of ["aabb", "aabbcc", "bbcc", "bbccaa"]) {
      assert.equal(Buffer.from(store.read(digestOf(text))).toString(), text);
    }
    assert.notEqual(store.info(digestOf("bbcc"))?.compressor, "joined");
    assert.deepEqual(store.fsck({ full: true }).faults, []);
    store.close();
  });

  test(title("one piece is a content, none the empty one, and an empty piece a fault of ours"), async () => {
    const store = await make();
    assert.notEqual(putJoined(store, Buffer.from("alone")).compressor, "joined");
    assert.deepEqual(putJoined(store).frames, []);
    const pack = store.beginPack();
    assert.throws(() => pack.putJoined([Buffer.from("x"), Buffer.alloc(0)]), /internal error/);
    pack.abort();
    store.close();
  });

  test(title("a large tree that differs in few entries costs hardly anything"), async () => {
    const store = await make();
    const [one, other] = [largeTree(), largeTree("usr/bin/less", "usr/share/name-999a")];
    const first = store.putTree(one);
    const before = store.stats().packBytes;
    const second = store.putTree(other);
    const added = store.stats().packBytes - before;
    assert.ok(added < before / 10, `${added} of ${before} bytes`);
    assert.equal(store.info(second)?.compressor, "joined");
    assert.deepEqual([first, second].map((digest) => digestOf(store.read(digest))), [first, second]);
    store.close();
  });

  test(title("gc keeps the pieces of what is live and takes those of what is not"), async () => {
    const store = await make();
    const [a, b, c, d] = [1, 2, 3, 4].map((seed) => sample(seed, 3000)) as [Buffer, Buffer, Buffer, Buffer];
    const live = putJoined(store, a, b).digest;
    const dead = putJoined(store, b, c).digest;
    const apart = putJoined(store, d, a).digest;
    store.setRef("image", store.putRecord("image", { contents: [live, digestOf(d)] }));
    const action = { operation: "test", version: 1, inputs: [dead] };
    store.putAction(action, { value: 1, reaches: { contents: [dead] } });
    const report = store.gc({});
    assert.equal(report.removedContents, 3, "c, and two joins");
    assert.equal(report.removedActions, 1);
    assert.deepEqual([live, dead, apart].map((digest) => store.has(digest)), [true, false, false]);
    assert.deepEqual([a, b, c, d].map((piece) => store.has(digestOf(piece))), [true, true, false, true]);
    assert.equal(digestOf(store.read(live)), live);
    assert.throws(() => store.read(dead), hasCode("STORE_CONTENT_MISSING"));
    assert.deepEqual(store.fsck({ full: true }).faults, []);
    store.deleteRef("image");
    store.gc({});
    assert.equal(store.stats().contents, 0);
    store.close();
  });

  test(title("gc keeps a large tree with its files"), async () => {
    const store = await make();
    const [{ digest: content }] = put(store, "in the tree") as [ContentInfo];
    const file: Entry = { ...plainMeta, type: "file", path: parsePath("f"), sizeBytes: 11, content };
    const tree = makeTree([...largeTree(), file]);
    const digest = store.putTree(tree);
    store.setRef("image", store.putRecord("image", { trees: [digest] }));
    store.gc({});
    assert.deepEqual(store.readTree(digest), tree);
    assert.equal(digestOf(store.read(digest)), digest);
    assert.equal(store.has(content), true);
    store.close();
  });
}
