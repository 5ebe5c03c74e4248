// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import { type Digest, digestOf, emptyDigest, limits } from "../base/index.ts";
import { decompressFrame, makeTree } from "../formats/index.ts";
import type { Action, Store } from "./store.ts";
import { dirEntry, fileEntry, hasCode, put, sample } from "./testing/sample.ts";

/** What every store must do. `make` gives a new empty one. */
export function storeContract(name: string, make: () => Store | Promise<Store>): void {
  const title = (text: string): string => `${name}: ${text}`;

  test(title("put gives back what was put, with sizes, CRC-64 and one frame"), async () => {
    const store = await make();
    const info = store.put(Buffer.from("hello"));
    assert.equal(info.digest, digestOf("hello"));
    assert.equal(info.sizeBytes, 5);
    assert.match(info.crc64, /^[0-9a-f]{16}$/);
    assert.deepEqual(info.frames.map((frame) => [frame.digest, frame.rawBytes]), [[info.digest, 5]]);
    assert.deepEqual(store.info(info.digest), info);
    assert.equal(Buffer.from(store.read(info.digest)).toString(), "hello");
    const stored = store.readFrames(info.digest);
    assert.equal(stored.length, info.frames[0]?.storedBytes);
    assert.equal(decompressFrame(stored, 5).toString(), "hello");
    store.close();
  });

  test(title("the empty content is always there and has no frames"), async () => {
    const store = await make();
    assert.equal(store.has(emptyDigest), true);
    assert.deepEqual(store.put(Buffer.alloc(0)).frames, []);
    assert.equal(store.put(Buffer.alloc(0)).crc64, "0000000000000000");
    assert.equal(store.read(emptyDigest).length + store.readFrames(emptyDigest).length, 0);
    assert.deepEqual([...store.stream(emptyDigest)], []);
    assert.equal(store.stats().contents, 0);
    store.close();
  });

  test(title("what is missing is told by has, info, infos and a typed error"), async () => {
    const store = await make();
    const missing = digestOf("missing");
    assert.equal(store.has(missing), false);
    assert.equal(store.info(missing), undefined);
    const here = store.put(Buffer.from("here"));
    assert.deepEqual([...store.infos([missing, here.digest])], [[here.digest, here]]);
    for (const verb of ["read", "readFrames", "readTree", "readRecord"] as const) {
      assert.throws(() => store[verb](missing), hasCode("STORE_CONTENT_MISSING"));
    }
    assert.throws(() => [...store.stream(missing)], hasCode("STORE_CONTENT_MISSING"));
    store.close();
  });

  test(title("contents are found by the beginning of their digest"), async () => {
    const store = await make();
    const digests = put(store, ..."abcdefghijklmnopqrst".split("")).map(({ digest }) => digest).sort();
    for (const digits of [0, 2, 16, 64]) {
      const hex = digestOf("k").slice(7, 7 + digits);
      assert.deepEqual(store.withPrefix(hex), digests.filter((digest) => digest.slice(7).startsWith(hex)));
    }
    assert.deepEqual(store.withPrefix("00".repeat(32)), []);
    store.close();
  });

  test(title("a content above one frame is cut at the frame size and streams back"), async () => {
    const store = await make();
    const bytes = sample(1, limits.frameBytesMax * 2 + 17);
    const pack = store.beginPack();
    const writer = pack.open();
    for (let at = 0; at < bytes.length; at += 700_001) writer.write(bytes.subarray(at, at + 700_001));
    const info = writer.end();
    pack.commit();
    assert.equal(info.digest, digestOf(bytes));
    assert.deepEqual(info.frames.map((frame) => frame.rawBytes), [limits.frameBytesMax, limits.frameBytesMax, 17]);
    assert.equal(info.frames[2]?.digest, digestOf(bytes.subarray(limits.frameBytesMax * 2)));
    assert.deepEqual(store.info(info.digest), info);
    assert.ok(Buffer.concat([...store.stream(info.digest)]).equals(bytes));
    assert.ok(Buffer.from(store.read(info.digest)).equals(bytes));
    const frames = [...store.streamFrames(info.digest)];
    assert.ok(Buffer.concat(frames).equals(store.readFrames(info.digest)));
    assert.deepEqual(frames.map((frame) => frame.length), info.frames.map((frame) => frame.storedBytes));
    assert.deepEqual((await make()).put(bytes), info, "put whole and put in pieces give one result");
    store.close();
  });

  test(title("a content of exactly one frame has one frame, also when written in pieces"), async () => {
    const store = await make();
    const bytes = sample(2, limits.frameBytesMax);
    const pack = store.beginPack();
    const writer = pack.open();
    writer.write(bytes.subarray(0, 1_000_000));
    writer.write(bytes.subarray(1_000_000));
    const info = writer.end();
    pack.commit();
    assert.equal(info.frames.length, 1);
    assert.equal(info.frames[0]?.digest, digestOf(bytes));
    store.close();
  });

  test(title("a content that is there already is taken back and costs no space"), async () => {
    const store = await make();
    const large = sample(3, limits.frameBytesMax + 5);
    put(store, large, "small");
    const before = store.stats();
    const pack = store.beginPack();
    const writer = pack.open();
    writer.write(large);
    const info = writer.end();
    pack.put(Buffer.from("small"));
    const added = pack.put(Buffer.from("new"));
    pack.commit();
    assert.deepEqual(store.info(digestOf(large)), info);
    assert.equal(Buffer.from(store.read(added.digest)).toString(), "new");
    assert.equal(store.stats().contents, before.contents + 1);
    assert.ok(store.stats().packBytes < before.packBytes + 500);
    store.close();
  });

  test(title("an aborted content leaves the others of its pack whole"), async () => {
    const store = await make();
    const pack = store.beginPack();
    const one = pack.put(Buffer.from("one"));
    const writer = pack.open();
    writer.write(sample(4, limits.frameBytesMax + 100));
    writer.abort();
    writer.abort();
    const two = pack.put(Buffer.from("two"));
    pack.commit();
    assert.equal(store.stats().contents, 2);
    assert.equal(Buffer.from(store.read(one.digest)).toString(), "one");
    assert.equal(Buffer.from(store.read(two.digest)).toString(), "two");
    assert.deepEqual(store.fsck({ full: true }).faults, []);
    store.close();
  });

  test(title("nothing of a pack is visible before commit or after abort"), async () => {
    const store = await make();
    const pack = store.beginPack();
    const { digest } = pack.put(Buffer.from("later"));
    assert.equal(store.has(digest), false);
    pack.abort();
    assert.equal(store.has(digest), false);
    const again = store.beginPack();
    again.put(Buffer.from("later"));
    again.commit();
    assert.equal(store.has(digest), true);
    assert.throws(() => again.put(Buffer.from("too late")), /internal error/);
    store.close();
  });

  test(title("one content at a time can be open in a pack"), async () => {
    const store = await make();
    const pack = store.beginPack();
    const writer = pack.open();
    assert.throws(() => pack.open(), /internal error/);
    assert.throws(() => pack.put(Buffer.from("x")), /internal error/);
    assert.throws(() => pack.commit(), /internal error/);
    writer.end();
    assert.throws(() => writer.write(Buffer.from("x")), /internal error/);
    pack.abort();
    store.close();
  });

  test(title("trees and records come back as they were; other contents are refused as such"), async () => {
    const store = await make();
    const tree = makeTree([dirEntry("etc"), fileEntry(store, "etc/motd", Buffer.from("hi"))]);
    const digest = store.putTree(tree);
    assert.deepEqual(store.readTree(digest), tree);
    const reaches = { trees: [digest], contents: [digestOf("b"), digestOf("a"), digestOf("a")] };
    const record = store.putRecord({ kind: "test/v1", x: [1, null] }, reaches);
    const back = store.readRecord(record);
    assert.deepEqual(back.value, { kind: "test/v1", x: [1, null] });
    assert.deepEqual(back.reaches, { trees: [digest], contents: [digestOf("a"), digestOf("b")].sort() });
    assert.equal(store.putRecord({ x: [1, null], kind: "test/v1" }, { ...reaches, records: [] }), record);
    const other = store.put(Buffer.from('{"ashlar":"record/v1","value":1,"reaches":{"contents":["x"]}}')).digest;
    assert.throws(() => store.readRecord(other), hasCode("STORE_RECORD_INVALID"));
    assert.throws(() => store.readTree(other), hasCode("TREE_INVALID"));
    store.close();
  });

  test(title("a result of any length and any letters is remembered"), async () => {
    const store = await make();
    const action: Action = { operation: "test.long", version: 1, inputs: [digestOf("in")] };
    for (const text of ["a\nb", "\u00e9\u{1f600}\udc80".repeat(300), "x".repeat(100_000)]) {
      const digests = Array.from({ length: 50 }, (_, i) => store.put(Buffer.from(`${i}`)).digest).sort();
      const result = { value: { text, digests }, reaches: { contents: digests } };
      store.putAction(action, result);
      assert.deepEqual(store.getAction(action), result);
    }
    store.close();
  });

  test(title("an action is remembered by operation, version, inputs and parameters"), async () => {
    const store = await make();
    const action: Action = { operation: "test.step", version: 1, inputs: [digestOf("in")], parameters: { a: 1 } };
    assert.equal(store.getAction(action), undefined);
    store.putAction(action, { value: { out: 1 }, reaches: {} });
    store.putAction(action, { value: { out: 2 }, reaches: {} });
    assert.deepEqual(store.getAction(action), { value: { out: 2 }, reaches: {} });
    for (const other of [{ operation: "x" }, { version: 2 }, { inputs: [] }, { parameters: { a: 2 } }]) {
      assert.equal(store.getAction({ ...action, ...other }), undefined);
    }
    store.close();
  });

  test(title("an action whose result is not here is not remembered"), async () => {
    const store = await make();
    const action: Action = { operation: "test.step", version: 1, inputs: [] };
    for (const name of ["contents", "trees", "records"]) {
      store.putAction(action, { value: 1, reaches: { [name]: [digestOf("gone")] } });
      assert.equal(store.getAction(action), undefined, name);
    }
    store.close();
  });

  test(title("refs are set, replaced, listed in order and deleted"), async () => {
    const store = await make();
    const [one, two] = [store.putRecord(1, {}), store.putRecord(2, {})];
    assert.equal(store.getRef("b"), undefined);
    store.setRef("b", one);
    store.setRef("a:1@x", one);
    store.setRef("b", two);
    assert.deepEqual(store.listRefs().map((ref) => [ref.name, ref.target]), [["a:1@x", one], ["b", two]]);
    assert.equal(store.deleteRef("b"), true);
    assert.equal(store.deleteRef("b"), false);
    assert.equal(store.getRef("b"), undefined);
    for (const name of ["", "a\nb", "x".repeat(2000), "\udc80"]) {
      assert.throws(() => store.setRef(name, one), hasCode("STORE_REF_INVALID"));
    }
    assert.throws(() => store.setRef("a", digestOf("gone")), hasCode("STORE_CONTENT_MISSING"));
    store.close();
  });

  test(title("gc keeps what refs reach through records and trees, and nothing else"), async () => {
    const store = await make();
    const kept = fileEntry(store, "kept", sample(5, 3000));
    const tree = store.putTree([kept]);
    const inner = store.putRecord("inner", { trees: [tree] });
    const outer = store.putRecord("outer", { records: [inner], contents: [put(store, "plain")[0]?.digest as Digest] });
    store.setRef("image", outer);
    const dead = put(store, sample(6, 5000), "dead too").map((info) => info.digest);
    const deadRecord = store.putRecord("dead", { contents: dead });
    const step = (operation: string): Action => ({ operation, version: 1, inputs: [] });
    store.putAction(step("live"), { value: 1, reaches: { records: [inner] } });
    store.putAction(step("dead"), { value: 2, reaches: { records: [deadRecord] } });
    store.putAction({ ...step("by input"), inputs: [kept.content] }, { value: 3, reaches: {} });
    store.putAction({ ...step("by input"), inputs: [dead[0] as Digest] }, { value: 4, reaches: {} });
    const before = store.stats();
    const dry = store.gc({ dryRun: true });
    assert.equal(dry.removedContents, 3);
    assert.equal(dry.removedActions, 2);
    assert.deepEqual(store.stats(), before, "a dry run changes nothing");
    const report = store.gc({});
    assert.equal(report.removedContents, 3);
    assert.equal(report.removedActions, 2);
    assert.ok(report.freedBytes > 0);
    for (const digest of [...dead, deadRecord]) assert.equal(store.has(digest), false);
    for (const digest of [kept.content, tree, inner, outer]) assert.equal(digestOf(store.read(digest)), digest);
    assert.equal(store.getAction(step("live"))?.value, 1);
    assert.equal(store.getAction({ ...step("by input"), inputs: [kept.content] })?.value, 3);
    assert.equal(store.stats().actions, 2);
    assert.deepEqual(store.fsck({ full: true }).faults, []);
    assert.equal(store.gc({}).removedContents, 0);
    store.deleteRef("image");
    store.gc({});
    assert.equal(store.stats().contents, 0);
    store.close();
  });

  test(title("gc waits for leases and for open packs, then gives up with a typed error"), async () => {
    const store = await make();
    const { digest } = store.put(Buffer.from("wanted"));
    const lease = store.lease();
    const second = store.lease();
    lease.release();
    lease.release();
    assert.throws(() => store.gc({ waitMs: 20 }), hasCode("STORE_BUSY"));
    second.release();
    const pack = store.beginPack();
    pack.put(Buffer.from("wanted"));
    assert.throws(() => store.gc({}), hasCode("STORE_BUSY"));
    pack.commit();
    assert.equal(store.has(digest), true);
    assert.equal(store.gc({}).removedContents, 1);
    store.close();
  });

  test(title("gc refuses to run while a ref's record cannot be read"), async () => {
    const store = await make();
    const digest = store.put(Buffer.from("no record at all")).digest;
    store.setRef("broken", digest);
    assert.throws(() => store.gc({}), hasCode("STORE_REF_BROKEN"));
    assert.equal(store.has(digest), true);
    assert.equal(store.fsck({ full: false }).faults.length, 1);
    store.close();
  });
}
