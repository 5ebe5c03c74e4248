// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import { digestOf, isAshlarError } from "../base/index.ts";
import { annotationKeys, type Image } from "../oci/index.ts";
import { readForeignRecord } from "./foreign-record.ts";
import { estargzFixture, estargzImage } from "./testing/estargz-image.ts";
import { withToc } from "./testing/estargz-lies.ts";
import { bringFrom, filesOf, newStore, verifyBrought } from "./testing/pull-rig.ts";
import { rangeSource } from "./testing/range-source.ts";

const built = estargzFixture("built");
const next = estargzFixture("next");
const wrapped = estargzFixture("wrapped");
const gnu = estargzFixture("gnu");

/** What a plain reading of the whole blob gives. */
async function wholeOf(image: Image): Promise<{ readonly files: Record<string, string>; readonly flat: string }> {
  const store = await newStore();
  const brought = await bringFrom(store, rangeSource(image, { noRanges: true }));
  assert.equal(brought.layers[0]?.way, "whole");
  return { files: filesOf(store, brought), flat: readForeignRecord(store, brought.record).flat };
}

for (const [name, blob] of Object.entries({ built, wrapped, gnu })) {
  for (const annotations of [{}, { [annotationKeys.estargzTarBytes]: undefined }]) {
    const what = Object.keys(annotations).length === 0 ? "" : ", without its size";
    test(`bringImage brings an eStargz layer (${name}${what}) by its files, as if it had been read whole`, async () => {
      const image = estargzImage([blob], annotations);
      const store = await newStore();
      const source = rangeSource(image);
      const brought = await bringFrom(store, source);
      verifyBrought(store, brought, image);
      assert.deepEqual(brought.layers.map(({ way }) => way), ["files"]);
      assert.ok(source.asked.every(({ whole, descriptor }) => !whole || descriptor.mediaType.includes("config")));
      const whole = await wholeOf(image);
      assert.deepEqual(filesOf(store, brought), whole.files);
      assert.equal(readForeignRecord(store, brought.record).flat, whole.flat);
    });
  }
}

test("the table of contents is a file of the image only where its writer wrote the tar anew", async () => {
  for (const [blob, isFile] of [[built, true], [wrapped, false]] as const) {
    const store = await newStore();
    const files = filesOf(store, await bringFrom(store, rangeSource(estargzImage([blob]))));
    assert.equal("stargz.index.json" in files, isFile);
    assert.equal(files["etc/motd"], "hello\n");
  }
});

test("bringImage fetches of an eStargz layer only what the store has not", async () => {
  const store = await newStore();
  await bringFrom(store, rangeSource(estargzImage([built])));
  const source = rangeSource(estargzImage([next]));
  const brought = await bringFrom(store, source);
  const [layer] = brought.layers;
  assert.equal(layer?.way, "files");
  assert.equal(layer.fetchedFiles, 2);
  assert.equal(filesOf(store, brought)["etc/motd"], "hello again\n");
  // The end of the blob with the table, a few headers, a small file and a large one.
  const sent = source.asked.filter(({ whole }) => !whole).reduce((sum, { sentBytes }) => sum + sentBytes, 0);
  assert.ok(sent < next.bytes.length * 0.75, `${sent} of ${next.bytes.length}`);
});

test("bringImage fetches a file once that several layers of eStargz have", async () => {
  const store = await newStore();
  const image = estargzImage([built, gnu, wrapped]);
  const source = rangeSource(image);
  const brought = await bringFrom(store, source);
  verifyBrought(store, brought, image);
  assert.deepEqual(brought.layers.map(({ way }) => way), ["files", "files", "files"]);
  assert.ok(source.asked.reduce((sum, { sentBytes }) => sum + sentBytes, 0) < built.bytes.length * 2.5);
});

test("bringImage goes on where an eStargz layer was cut", async () => {
  const image = estargzImage([built]);
  for (let cut = 300; cut < built.bytes.length * 0.95; cut += 700) {
    const store = await newStore();
    const first = rangeSource(image, { cutAfterBytes: cut });
    await assert.rejects(bringFrom(store, first), (error) => isAshlarError(error, "REGISTRY_CUT"));
    const second = rangeSource(image);
    verifyBrought(store, await bringFrom(store, second), image);
    const sent = [...first.asked, ...second.asked].reduce((sum, { sentBytes }) => sum + sentBytes, 0);
    // The end of the blob and samples of headers twice, and the file in flight.
    assert.ok(sent < built.bytes.length + 6_000 + 4_000, `cut at ${cut}: ${sent}`);
  }
});

test("bringImage reads an eStargz layer whole whose parts are not what its table says", async () => {
  for (const place of [0, 20, 100, 1_500, 3_000, 100_000]) {
    const change = (part: Uint8Array): Uint8Array => {
      const changed = Uint8Array.from(part);
      const at = Math.min(place, changed.length - 1);
      changed[at] = (changed[at] as number) ^ 1;
      return changed;
    };
    const store = await newStore();
    const image = estargzImage([built]);
    const brought = await bringFrom(store, rangeSource(image, { change }));
    verifyBrought(store, brought, image);
    assert.equal(filesOf(store, brought)["etc/motd"], "hello\n");
  }
});

test("annotations of eStargz that lie cost nothing but the way", async () => {
  const zeros = `sha256:${"0".repeat(64)}`;
  const lies: [Record<string, string>, RegExp][] = [
    [{ [annotationKeys.estargzTocDigest]: zeros }, /digest/],
    [{ [annotationKeys.estargzTocDigest]: "nonsense" }, /digest/],
    [{ [annotationKeys.estargzTarBytes]: "35839" }, /35840 bytes, want 35839/],
    [{ [annotationKeys.estargzTarBytes]: "36352" }, /35840 bytes, want 36352/],
  ];
  for (const [annotations, why] of lies) {
    const image = estargzImage([built], annotations);
    const store = await newStore();
    const brought = await bringFrom(store, rangeSource(image));
    verifyBrought(store, brought, image);
    assert.equal(brought.layers[0]?.way, "whole");
    assert.match(brought.layers[0].why ?? "", why);
  }
  // Old writers wrote the size of the tar that they wrapped.
  const image = estargzImage([wrapped], { [annotationKeys.estargzTarBytes]: "30000" });
  assert.equal((await bringFrom(await newStore(), rangeSource(image))).layers[0]?.way, "files");
});

const other = digestOf("other");
const lies: readonly [string, (toc: string) => string, RegExp][] = [
  ["no JSON", () => "{", /not JSON/],
  ["another version", (toc) => toc.replace('"version": 1', '"version": 2'), /version/],
  ["a changed mode", (toc) => toc.replace('"mode": 420', '"mode": 421'), /headers|diffId/],
  ["a missing entry", (toc) => toc.replace(/\{[^{}]*"var\/empty"[^{}]*\},/, ""), /headers|diffId/],
  ["a digest of something else", (toc) => toc.replaceAll(/sha256:[0-9a-f]{64}/g, other), /digest/],
  ["a member too early", (toc) => toc.replace(/"offset": (\d+)/, (_, at) => `"offset": ${Number(at) - 1}`), /./],
  ["members in another order", (toc) => toc.replace(/"offset": (\d+)/, '"offset": 11000'), /neighbours/],
  ["a member behind the end", (toc) => toc.replace(/"offset": (\d+)/, '"offset": 99999999'), /neighbours/],
  ["files in one member", (toc) => toc.replace('"chunkDigest"', '"innerOffset": 3, "chunkDigest"'), /member/],
  ["a name that was not UTF-8", (toc) => toc.replace("etc/motd", "etc/m\uFFFDtd"), /UTF-8/],
  ["a name with a NUL", (toc) => toc.replace("etc/motd", "etc/m\\u0000td"), /name/],
  ["more bytes than there are", (toc) => toc.replace('"size": 3000', '"size": 3001'), /./],
  ["chunks of nothing", (toc) => toc.replace('"type": "reg"', '"type": "chunk"'), /chunk of no file/],
];

for (const [name, change, why] of lies) {
  test(`a table of contents of eStargz with ${name} is found out, and the layer is read whole`, async () => {
    const lying = withToc(built, change);
    assert.notEqual(lying.tocDigest, built.tocDigest);
    const image = estargzImage([lying], { [annotationKeys.estargzTarBytes]: undefined });
    const store = await newStore();
    const brought = await bringFrom(store, rangeSource(image));
    verifyBrought(store, brought, image);
    assert.equal(brought.layers[0]?.way, "whole");
    assert.match(brought.layers[0].why ?? "", why);
    assert.equal(filesOf(store, brought)["etc/motd"], "hello\n");
  });
}

test("a footer of eStargz that leads nowhere is found out", async () => {
  for (const digits of ["ffffffffffffffff", "0000000000003200", "0000000000000000", "00000000000zzzzz"]) {
    const bytes = Buffer.from(built.bytes);
    bytes.write(digits, bytes.length - 35, "latin1");
    const image = estargzImage([{ ...built, bytes }]);
    const store = await newStore();
    const brought = await bringFrom(store, rangeSource(image));
    verifyBrought(store, brought, image);
    assert.equal(brought.layers[0]?.way, "whole", digits);
  }
});
