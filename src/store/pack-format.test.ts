// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import { AshlarError, digestOf, limits } from "../base/index.ts";
import { fuzzTargets } from "./fuzz.ts";
import {
  encodePackFooter,
  encodePackTable,
  packHeader,
  type PackTable,
  parsePackFooter,
  parsePackTable,
  storedBytesOf,
  verifyPackHeader,
} from "./pack-format.ts";
import { hasCode } from "./testing/sample.ts";

const frameArbitrary = fc.record({
  rawBytes: fc.integer({ min: 1, max: limits.frameBytesMax }),
  storedBytes: fc.integer({ min: 1, max: 1024 }),
  crc32: fc.nat(0xffffffff),
  seed: fc.nat(),
});
const tableArbitrary = fc
  .array(fc.array(frameArbitrary, { minLength: 1, maxLength: 4 }), { maxLength: 20 })
  .map((contents): PackTable => {
    let offset = packHeader.length;
    const list = contents.map((seeds, i) => {
      const digest = digestOf(`content ${i}`);
      const pieces = seeds.map(({ seed, ...frame }) => ({ ...frame, digest: digestOf(`${seed}`) }));
      const frames = pieces.length === 1 ? pieces.map((frame) => ({ ...frame, digest })) : pieces;
      const sizeBytes = frames.reduce((sum, frame) => sum + frame.rawBytes, 0);
      const content = { digest, sizeBytes, crc64: "0123456789abcdef", offset, frames };
      offset += storedBytesOf(content);
      return content;
    });
    return { compressor: "test@1/3/abc", contents: list };
  });

function endOf(table: PackTable): number {
  return packHeader.length + table.contents.reduce((sum, content) => sum + storedBytesOf(content), 0);
}

test("parsePackTable gives back what encodePackTable was given", () => {
  fc.assert(
    fc.property(tableArbitrary, (table) => {
      assert.deepEqual(parsePackTable(encodePackTable(table), endOf(table)), table);
    }),
    { numRuns: 50 },
  );
});

test("parsePackTable refuses a table that ends early, goes on, or does not fill the pack", () => {
  const table = fc.sample(tableArbitrary, { numRuns: 20, seed: 7 }).find((one) => one.contents.length > 2) as PackTable;
  const bytes = Buffer.from(encodePackTable(table));
  for (let length = 0; length < bytes.length; length++) {
    assert.throws(() => parsePackTable(bytes.subarray(0, length), endOf(table)), hasCode("STORE_PACK_DAMAGED"));
  }
  const longer = Buffer.concat([bytes, Buffer.alloc(1)]);
  assert.throws(() => parsePackTable(longer, endOf(table)), hasCode("STORE_PACK_DAMAGED"));
  for (const end of [endOf(table) - 1, endOf(table) + 1]) {
    assert.throws(() => parsePackTable(bytes, end), hasCode("STORE_PACK_DAMAGED"));
  }
});

test("parsePackTable refuses a content twice, sizes that do not add up and frames above the limit", () => {
  const digest = digestOf("x");
  const frame = { digest, rawBytes: 10, storedBytes: 12, crc32: 1 };
  const content = { digest, sizeBytes: 10, crc64: "0".repeat(16), offset: 16, frames: [frame] };
  const bad: PackTable["contents"][] = [
    [content, content],
    [{ ...content, sizeBytes: 11 }],
    [{ ...content, sizeBytes: 0 }],
    [{ ...content, frames: [] }],
    [{ ...content, sizeBytes: 0, frames: [{ ...frame, rawBytes: 0 }] }],
    [{ ...content, frames: [{ ...frame, storedBytes: 0 }] }],
    [{ ...content, frames: [{ ...frame, storedBytes: 2000 }] }],
    [{ ...content, sizeBytes: 2 ** 23, frames: [{ ...frame, rawBytes: 2 ** 23 }] }],
  ];
  for (const contents of bad) {
    const table = { compressor: "c", contents };
    assert.throws(() => parsePackTable(encodePackTable(table), endOf(table)), hasCode("STORE_PACK_DAMAGED"));
  }
  for (const compressor of ["", "a b", "\u00e9"]) {
    const bytes = encodePackTable({ compressor, contents: [] });
    assert.throws(() => parsePackTable(bytes, 16), hasCode("STORE_PACK_DAMAGED"));
  }
});

test("parsePackFooter refuses every flipped bit of length and magic", () => {
  const footer = Buffer.from(encodePackFooter(Buffer.from("table")));
  assert.deepEqual(parsePackFooter(footer, 1000), { tableAt: 947, tableBytes: 5, digest: digestOf("table") });
  for (let bit = 0; bit < footer.length * 8; bit++) {
    const bad = Buffer.from(footer);
    bad[bit >> 3] = (bad[bit >> 3] as number) ^ (1 << (bit & 7));
    if (bit >= 64 && bit < 320) assert.notEqual(parsePackFooter(bad, 1000).digest, digestOf("table"));
    else if (bit < 10) assert.notDeepEqual(attempt(() => parsePackFooter(bad, 1000)), parsePackFooter(footer, 1000));
    else assert.throws(() => parsePackFooter(bad, 1000), hasCode("STORE_PACK_DAMAGED"), `bit ${bit}`);
  }
});

function attempt<T>(step: () => T): T | undefined {
  try {
    return step();
  } catch (error) {
    assert.ok(error instanceof AshlarError);
    return undefined;
  }
}

test("verifyPackHeader tells a newer version from damage", () => {
  verifyPackHeader(packHeader);
  const newer = Buffer.from(packHeader);
  newer[8] = 2;
  assert.throws(() => verifyPackHeader(newer), hasCode("STORE_FORMAT_NEWER"));
  newer[15] = 1;
  assert.throws(() => verifyPackHeader(newer), hasCode("STORE_PACK_DAMAGED"));
  assert.throws(() => verifyPackHeader(Buffer.alloc(0)), hasCode("STORE_PACK_DAMAGED"));
});

test("fuzzTargets accept their seeds and throw nothing but AshlarError on mutated ones", () => {
  const mutation = fc.array(fc.record({ at: fc.nat(), value: fc.nat(255) }), { minLength: 1, maxLength: 8 });
  for (const target of fuzzTargets) {
    for (const seed of target.seeds()) {
      target.run(seed);
      const property = fc.property(mutation, fc.nat(seed.length), (changes, cut) => {
        const bytes = Buffer.from(seed);
        for (const { at, value } of changes) bytes[at % bytes.length] = value;
        attempt(() => target.run(bytes));
        attempt(() => target.run(bytes.subarray(0, cut)));
      });
      fc.assert(property, { numRuns: 100 });
    }
  }
});
