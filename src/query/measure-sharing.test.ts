// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import { digestBytes, digestOf } from "../base/index.ts";
import { measureSharing, pairBytes, type SharingImage, type SizedContents } from "./measure-sharing.ts";

/** An image of one file for each text; a text's length is its size, and half of it (rounded up) what it is kept as. */
function imageOf(name: string, texts: readonly string[], blobs: readonly number[] = []): SharingImage {
  const layers = blobs.map((sizeBytes) => ({ digest: digestOf(`blob ${sizeBytes}`), sizeBytes }));
  const lines = Buffer.from(texts.map((text) => digestOf(text)).join("\n"));
  const eachFile: SharingImage["eachFile"] = (visit) => texts.forEach((_, i) => visit(lines, i * 72 + 7));
  return { name, eachFile, layers };
}

function sizesOf(texts: readonly string[]): SizedContents {
  const sized = texts.map((text) => {
    return { digest: digestBytes(digestOf(text)), rawBytes: text.length, storedBytes: Math.ceil(text.length / 2) };
  });
  return { countExpected: 0, each: () => sized };
}

test("measureSharing splits images into what all, some and no others have, and adds up layers", () => {
  const texts = ["all", "some.", "own one", "own two.."];
  const sharing = measureSharing(
    [
      imageOf("one", ["all", "some.", "own one", "own one", ""], [100, 10]),
      imageOf("two", ["all", "some.", "own two.."], [100, 20]),
      imageOf("three", ["all"], [100]),
    ],
    sizesOf(texts),
  );
  const [one, , three] = sharing.images;
  assert.deepEqual(one, {
    name: "one",
    files: 5,
    contents: 3,
    rawBytes: 3 + 5 + 7,
    storedBytes: 2 + 3 + 4,
    withAllBytes: 2,
    withSomeBytes: 3,
    ownBytes: 4,
    layerBytes: 110,
  });
  assert.deepEqual([three?.withAllBytes, three?.ownBytes], [2, 0]);
  const total = { contents: 4, rawBytes: 24, storedBytes: 14, layerBytes: 130, wholeBytes: 330 };
  assert.deepEqual(sharing.total, total);
  assert.deepEqual(pairBytes(sharing, [0, 1, 2]), [[9, 5, 2], [5, 10, 2], [2, 2, 2]]);
  assert.deepEqual(pairBytes(sharing, [2, 0]), [[2, 2], [2, 9]]);
});

test("measureSharing of one image calls all its own, and of none gives nothing", () => {
  const one = measureSharing([imageOf("one", ["a", "b"])], sizesOf(["a", "b"]));
  assert.deepEqual([one.images[0]?.ownBytes, one.images[0]?.withAllBytes], [2, 0]);
  const none = measureSharing([], sizesOf([]));
  assert.deepEqual([none.images, none.groups, none.total.storedBytes], [[], [], 0]);
});

test("measureSharing looks at one image after the other, and then once at the sizes", () => {
  const order: string[] = [];
  const images = ["one", "two"].map((name): SharingImage => {
    const image = imageOf(name, ["same", "same", name]);
    return { ...image, eachFile: (visit) => (order.push(name), image.eachFile(visit)) };
  });
  const sharing = measureSharing(images, {
    countExpected: 3,
    *each() {
      order.push("sizes");
      yield* sizesOf(["same", "one", "another"]).each();
    },
  });
  assert.deepEqual(order, ["one", "two", "sizes"]);
  // One that has no size is a content all the same.
  assert.deepEqual([sharing.total.contents, sharing.total.rawBytes], [3, 7]);
});

test("measureSharing holds sets of a hundred images, each content in one of its own", () => {
  const texts = Array.from({ length: 64 }, (_, i) => `text ${i}`);
  const lists = Array.from({ length: 100 }, (_, image) => texts.filter((_, i) => (image * 7 + i * i) % 5 !== 0));
  const sharing = measureSharing(lists.map((list, i) => imageOf(String(i), list)), sizesOf(texts));
  const seen = sharing.groups.flatMap(({ images, contents }) => Array<string>(contents).fill([...images].join()));
  const want = texts.map((text) => lists.flatMap((list, i) => (list.includes(text) ? i : [])).join());
  assert.deepEqual(seen.sort(), want.sort());
});

test("measureSharing counts as comparing every content with every image does", () => {
  const alphabet = ["a", "bb", "ccc", "dddd", "eeeee", "ffffff"];
  const texts = fc.array(fc.array(fc.constantFrom(...alphabet), { maxLength: 8 }), { maxLength: 6 });
  fc.assert(fc.property(texts, (lists) => {
    const sharing = measureSharing(lists.map((list, i) => imageOf(String(i), list)), sizesOf(alphabet));
    const stored = (text: string): number => Math.ceil(text.length / 2);
    const sum = (some: readonly string[]): number => some.reduce((total, text) => total + stored(text), 0);
    const holders = (text: string): number => lists.filter((list) => list.includes(text)).length;
    lists.forEach((list, i) => {
      const own = [...new Set(list)];
      const image = sharing.images[i];
      assert.equal(image?.storedBytes, sum(own));
      assert.equal(image.ownBytes, sum(own.filter((text) => holders(text) === 1)));
      assert.equal(image.withAllBytes + image.withSomeBytes, sum(own.filter((text) => holders(text) > 1)));
    });
    assert.equal(sharing.total.storedBytes, sum(alphabet.filter((text) => holders(text) > 0)));
    const pairs = pairBytes(sharing, lists.map((_, i) => i));
    lists.forEach((a, i) => lists.forEach((b, j) => {
      assert.equal(pairs[i]?.[j], sum(alphabet.filter((text) => a.includes(text) && b.includes(text))));
    }));
  }));
});
