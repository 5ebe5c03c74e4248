// SPDX-License-Identifier: Apache-2.0
import { digestOf, parsePath } from "../base/index.ts";
import { encodePlan, parsePlan } from "./checkout-plan.ts";
import { parseCheckoutRecord } from "./checkout-record.ts";
import { parseLinkName } from "./link-farm.ts";
import {
  encodePackFooter,
  encodePackHeader,
  encodePackTable,
  type JoinedContent,
  type PackedFrame,
  parsePackFooter,
  parsePackHeader,
  parsePackTable,
} from "./pack-format.ts";
import { encodeRecord, parseRecord } from "./record.ts";
import { encodeRefsChange, parseRefsLog, type RefsChange, replayRefs } from "./refs-log.ts";
import { encodeStoreFormat, parseStoreFormat } from "./store-format.ts";
import { sortOut } from "./tree-parts.ts";

const frame = (text: string, rawBytes: number, storedBytes: number): PackedFrame => ({
  digest: digestOf(text),
  rawBytes,
  storedBytes,
  crc32: 7,
});

const join: JoinedContent = {
  ...{ digest: digestOf("abc"), sizeBytes: (4 << 20) + 8, crc64: "f".repeat(16) },
  pieces: [digestOf("a"), digestOf("bc")],
};

function seedTable(joins: readonly JoinedContent[] = []): Uint8Array {
  const one = [frame("a", 5, 9)];
  const small = { digest: digestOf("a"), sizeBytes: 5, crc64: "00112233445566ff", offset: 16, frames: one };
  const pieces = [frame("b", 4 << 20, 100), frame("c", 3, 12)];
  const large = { digest: digestOf("bc"), sizeBytes: (4 << 20) + 3, crc64: "0".repeat(16), offset: 25, frames: pieces };
  return encodePackTable({ compressor: "test/1", contents: [small, large], joins });
}

function seedPlan(): Uint8Array {
  const meta = { mode: 0o777, uid: 0, gid: 0, mtimeSeconds: 0 };
  const link = { ...meta, type: "symlink", path: parsePath("dir/link"), target: "x" } as const;
  return encodePlan(sortOut([{ ...meta, type: "dir", path: parsePath("dir") }, link]), undefined);
}

const seedCheckout = JSON.stringify({
  ...{ ashlar: "checkout/v1", dir: "/r", finishedNs: "5", inode: "7", bornNs: "8", mode: "copy" },
  tree: digestOf("t"),
});

const refsChanges: readonly RefsChange[] = [
  { sequence: 4, all: true, refs: [{ name: "image/a", target: digestOf("a"), origin: ["build", "/srv/a"] }] },
  { sequence: 5, all: false, refs: [{ name: "image/b", target: digestOf("b") }] },
  { sequence: 6, all: false, refs: [{ name: "image/a", target: undefined }] },
];

/** Parsers of this folder, for the mutation suite. */
export const fuzzTargets: readonly {
  readonly name: string;
  readonly seeds: () => Uint8Array[];
  readonly run: (bytes: Uint8Array) => void;
}[] = [
  {
    name: "store format",
    seeds: () => [
      Buffer.from(encodeStoreFormat({ kind: "private", version: 2 })),
      Buffer.from(encodeStoreFormat({ kind: "shared", version: 5, gid: 7 })),
      Buffer.from(encodeStoreFormat({ kind: "member", version: 5, shared: "/srv/ashlar", uid: 0, gid: 7 })),
    ],
    run: (bytes) => void parseStoreFormat(Buffer.from(bytes).toString("utf8")),
  },
  {
    name: "pack table",
    seeds: () => [seedTable()],
    run: (bytes) => void parsePackTable(bytes, { version: 1, tableAt: 16 + 9 + 112 }),
  },
  {
    name: "pack table with joins",
    seeds: () => [seedTable([join])],
    run: (bytes) => {
      const table = parsePackTable(bytes, { version: 2, tableAt: 16 + 9 + 112 });
      if (!Buffer.from(encodePackTable(table)).equals(bytes)) throw new Error("took a table that is not canonical");
    },
  },
  {
    name: "pack footer",
    seeds: () => [Buffer.from(encodePackFooter(seedTable()))],
    run: (bytes) => void parsePackFooter(bytes, 1000),
  },
  {
    name: "pack header",
    seeds: () => [encodePackHeader({ joins: [] }), encodePackHeader({ joins: [join] })],
    run: (bytes) => void parsePackHeader(bytes),
  },
  {
    name: "record",
    seeds: () => [encodeRecord({ kind: "test/v1", list: [1, null, "x"] }, { trees: [digestOf("t")] })],
    run: (bytes) => void parseRecord(bytes),
  },
  {
    name: "log of refs",
    seeds: () => [Buffer.from(refsChanges.map(encodeRefsChange).join(""))],
    run: (bytes) => void replayRefs(parseRefsLog(Buffer.from(bytes).toString("utf8")).changes),
  },
  {
    name: "link name",
    seeds: () => [Buffer.from(`${"ab".repeat(32)}.644.0.0.-1.${"cd".repeat(16)}~3`)],
    run: (bytes) => void parseLinkName(Buffer.from(bytes).toString("latin1")),
  },
  {
    name: "plan of a checkout",
    seeds: () => [seedPlan()],
    run: (bytes) => {
      const plan = parsePlan(Buffer.from(bytes), () => {
        throw new Error("internal error: no link is made here");
      });
      if (plan !== undefined && !seedPlan().every((byte, i) => byte === bytes[i])) throw new Error("took another plan");
    },
  },
  {
    name: "record of a checkout",
    seeds: () => [Buffer.from(seedCheckout)],
    run: (bytes) => void parseCheckoutRecord(Buffer.from(bytes).toString("utf8")),
  },
];
