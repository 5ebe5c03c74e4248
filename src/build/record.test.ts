// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import { type Digest, digestOf } from "../base/index.ts";
import { memoryStore, type Store } from "../store/index.ts";
import { digestRef, nameImage, nameRef, type NamedRecord } from "./record.ts";

const record: NamedRecord = { kind: "named/v1", name: "app", digest: digestOf("image"), images: [] };
const [own, current] = [digestRef(record.name, record.digest), nameRef(record.name)];

/** A store in which both names of the image point to a record; and other records. */
function namedStore(): { readonly store: Store; readonly old: Digest; readonly made: Digest; readonly other: Digest } {
  const store = memoryStore();
  const records = ["old", "made", "other"].map((text) => store.putRecord(text, {}));
  const [old, made, other] = records as [Digest, Digest, Digest];
  for (const name of [own, current]) store.setRef(name, old);
  return { store, old, made, other };
}

test("nameImage that keeps names takes a name along that is this image's", () => {
  const { store, made } = namedStore();
  nameImage(store, record, { target: made, origin: ["build"], keepsName: true });
  assert.deepEqual([own, current].map((name) => store.getRef(name)), [made, made]);
  assert.deepEqual(store.getRefOrigin(current), ["build"]);
});

test("nameImage that keeps names leaves one of another image, also where it is moved at that moment", () => {
  const { store, made, other } = namedStore();
  const setRef = store.setRef.bind(store);
  store.setRef = (name, target, origin) => {
    store.setRef = setRef;
    setRef(name, target, origin);
    setRef(current, other);
  };
  nameImage(store, record, { target: made, origin: undefined, keepsName: true });
  assert.deepEqual([own, current].map((name) => store.getRef(name)), [made, other]);
  nameImage(store, record, { target: made, origin: ["build"], keepsName: true });
  assert.equal(store.getRef(current), other);
  nameImage(store, record, { target: made, origin: undefined, keepsName: false });
  assert.equal(store.getRef(current), made);
});
