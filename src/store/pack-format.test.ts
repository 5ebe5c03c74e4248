// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import { AshlarError, type Digest, digestOf, limits } from "../base/index.ts";
import { fuzzTargets } from "./fuzz.ts";
import {
  encodePackFooter,
  encodePackHeader,
  encodePackTable,
  type JoinedContent,
  packHeaderBytes,
  type PackTable,
  parsePackFooter,
  parsePackHeader,
  parsePackTable,
  storedBytesOf,
} from "./pack-format.ts";
import { hasCode } from "./testing/sample.ts";

const frameArbitrary = fc.record({
  rawBytes: fc.integer({ min: 1, max: limits.frameBytesMax }),
  storedBytes: fc.integer({ min: 1, max: 1024 }),
  crc32: fc.nat(0xffffffff),
  seed: fc.nat(),
});
const joinArbitrary = fc
  .tuple(fc.nat(), fc.array(fc.nat(), { minLength: 2, maxLength: 5 }))
  .map(([seed, pieces]): JoinedContent => {
    const digests = pieces.map((piece) => digestOf(`piece ${piece}`));
    return { digest: digestOf(`join ${seed}`), sizeBytes: 2 ** 33 + seed, crc64: "fedcba9876543210", pieces: digests };
  });
const tableArbitrary = fc
  .tuple(
    fc.array(fc.array(frameArbitrary, { minLength: 1, maxLength: 4 }), { maxLength: 20 }),
    fc.uniqueArray(joinArbitrary, { maxLength: 4, selector: ({ digest }) => digest }),
  )
  .map(([contents, joins]): PackTable => {
    let offset = packHeaderBytes;
    const list = contents.map((seeds, i) => {
      const digest = digestOf(`content ${i}`);
      const pieces = seeds.map(({ seed, ...frame }) => ({ ...frame, digest: digestOf(`${seed}`) }));
      const frames = pieces.length === 1 ? pieces.map((frame) => ({ ...frame, digest })) : pieces;
      const sizeBytes = frames.reduce((sum, frame) => sum + frame.rawBytes, 0);
      const content = { digest, sizeBytes, crc64: "0123456789abcdef", offset, frames };
      offset += storedBytesOf(content);
      return content;
    });
    return { compressor: "test@1/3/abc", contents: list, joins };
  });

function endOf(table: PackTable): number {
  return packHeaderBytes + table.contents.reduce((sum, content) => sum + storedBytesOf(content), 0);
}

/** Parses a table as one of the pack that it would be in, or of another length. */
function parseFor(table: PackTable, bytes: Uint8Array, tableAt = endOf(table)): PackTable {
  return parsePackTable(bytes, { version: parsePackHeader(encodePackHeader(table)), tableAt });
}

test("parsePackTable gives back what encodePackTable was given", () => {
  fc.assert(
    fc.property(tableArbitrary, (table) => {
      assert.deepEqual(parseFor(table, encodePackTable(table)), table);
    }),
    { numRuns: 50 },
  );
});

test("parsePackTable refuses a table that ends early, goes on, or does not fill the pack", () => {
  const tables = fc.sample(tableArbitrary, { numRuns: 40, seed: 7 }).filter((one) => one.contents.length > 2);
  for (const joins of [0, 2]) {
    const table = tables.find((one) => one.joins.length === joins) as PackTable;
    const bytes = Buffer.from(encodePackTable(table));
    for (let length = 0; length < bytes.length; length++) {
      assert.throws(() => parseFor(table, bytes.subarray(0, length)), hasCode("STORE_PACK_DAMAGED"));
    }
    assert.throws(() => parseFor(table, Buffer.concat([bytes, Buffer.alloc(1)])), hasCode("STORE_PACK_DAMAGED"));
    for (const end of [endOf(table) - 1, endOf(table) + 1]) {
      assert.throws(() => parseFor(table, bytes, end), hasCode("STORE_PACK_DAMAGED"));
    }
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
    const table = { compressor: "c", contents, joins: [] };
    assert.throws(() => parseFor(table, encodePackTable(table)), hasCode("STORE_PACK_DAMAGED"));
  }
  for (const compressor of ["", "a b", "\u00e9"]) {
    const table = { compressor, contents: [], joins: [] };
    assert.throws(() => parseFor(table, encodePackTable(table)), hasCode("STORE_PACK_DAMAGED"));
  }
});

test("parsePackTable refuses joins of one piece, of joins, of themselves, of too many pieces, and twice", () => {
  const [a, b, x, y] = ["a", "b", "x", "y"].map((text) => digestOf(text)) as [Digest, Digest, Digest, Digest];
  const good: JoinedContent = { digest: x, sizeBytes: 9, crc64: "0".repeat(16), pieces: [a, b] };
  const frame = { digest: x, rawBytes: 9, storedBytes: 12, crc32: 1 };
  const content = { digest: x, sizeBytes: 9, crc64: "0".repeat(16), offset: 16, frames: [frame] };
  const parse = (table: PackTable): PackTable => parseFor(table, encodePackTable(table));
  assert.deepEqual(parse({ compressor: "c", contents: [], joins: [good] }).joins, [good]);
  const bad: Omit<PackTable, "compressor">[] = [
    { contents: [], joins: [{ ...good, pieces: [a] }] },
    { contents: [], joins: [{ ...good, pieces: [] }] },
    { contents: [], joins: [{ ...good, pieces: [a, x] }] },
    { contents: [], joins: [good, { ...good, digest: y, pieces: [x, a] }] },
    { contents: [], joins: [{ ...good, pieces: [y, a] }, { ...good, digest: y, pieces: [x, a] }] },
    { contents: [], joins: [{ ...good, sizeBytes: 0 }] },
    { contents: [], joins: [{ ...good, sizeBytes: 1 }] },
    { contents: [], joins: [good, good] },
    { contents: [content], joins: [good] },
  ];
  for (const table of bad) assert.throws(() => parse({ compressor: "c", ...table }), hasCode("STORE_PACK_DAMAGED"));
});

test("a pack has version 2 where it has joins, and only there", () => {
  const table = { compressor: "c", contents: [], joins: [] };
  const version1 = encodePackTable(table);
  assert.equal(parsePackHeader(encodePackHeader(table)), 1);
  const version2 = Buffer.concat([version1, Buffer.alloc(4)]);
  for (const bytes of [version1, version2]) {
    assert.throws(() => parsePackTable(bytes, { version: 2, tableAt: 16 }), hasCode("STORE_PACK_DAMAGED"));
  }
  assert.throws(() => parsePackTable(version2, { version: 1, tableAt: 16 }), hasCode("STORE_PACK_DAMAGED"));
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

test("parsePackHeader tells a newer version from damage", () => {
  const header = Buffer.from(encodePackHeader({ joins: [] }));
  assert.equal(header.toString("hex"), "4153484c5041434b0100000000000000");
  header[8] = 3;
  assert.throws(() => parsePackHeader(header), hasCode("STORE_FORMAT_NEWER"));
  header[15] = 1;
  assert.throws(() => parsePackHeader(header), hasCode("STORE_PACK_DAMAGED"));
  header.fill(0, 8);
  assert.throws(() => parsePackHeader(header), hasCode("STORE_PACK_DAMAGED"));
  assert.throws(() => parsePackHeader(Buffer.alloc(0)), hasCode("STORE_PACK_DAMAGED"));
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
