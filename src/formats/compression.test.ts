// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { type TestContext, test } from "node:test";
import { crc32, gzipSync, zstdCompressSync } from "node:zlib";

import { isAshlarError } from "../base/index.ts";
import { type Compression, decompress, decompressSync, detectCompression } from "./compression.ts";
import { hasPrograms, run } from "./testing/oracle.ts";
import { unxz, unxzSync } from "./xz.ts";
import { plainFrame, skippableFrame } from "./zstd-frame.ts";

const mib = 1 << 20;
const options = { maxBytes: 64 * mib, what: "a test" };
/** Text that compresses, noise that does not, and zeros. */
const sample = Buffer.concat([
  Buffer.from("All stones are cut so exactly that they fit without mortar. ".repeat(9000)),
  Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * i * 2654435761) >>> 13)),
  Buffer.alloc(400_000),
]);

function* cut(bytes: Uint8Array, size: number): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function collect(pieces: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const out: Uint8Array[] = [];
  for await (const piece of pieces) out.push(piece);
  return Buffer.concat(out);
}

/** Both ways give the bytes, or both the same code. */
async function bothWays(
  kind: Compression,
  bytes: Uint8Array,
  limits = options,
  sizes = [1 << 16],
): Promise<Buffer | string> {
  let sync: Buffer | string;
  try {
    sync = Buffer.from(decompressSync(kind, bytes, limits));
  } catch (error) {
    assert.ok(isAshlarError(error), String(error));
    sync = error.code;
  }
  for (const size of sizes) {
    const streamed = await collect(decompress(kind, cut(bytes, size), limits)).catch((error: unknown) => {
      assert.ok(isAshlarError(error), String(error));
      return error.code;
    });
    assert.deepEqual(streamed, sync, `pieces of ${size}`);
  }
  return sync;
}

async function refused(kind: Compression, bytes: Uint8Array, reason: string, limits = options): Promise<void> {
  assert.equal(await bothWays(kind, bytes, limits, [1 << 16, 1000]), `FORMATS_DECOMPRESS_${reason}`);
}

function xz(bytes: Uint8Array, ...args: string[]): Buffer {
  return run("xz", ["-c", "-1", ...args], bytes);
}

test("detectCompression knows the four forms by their first bytes", () => {
  assert.equal(detectCompression(gzipSync("x")), "gzip");
  assert.equal(detectCompression(zstdCompressSync("x")), "zstd");
  assert.equal(detectCompression(skippableFrame(Buffer.from("x"))), "zstd");
  assert.equal(detectCompression(Buffer.from("fd377a585a0000", "hex")), "xz");
  for (const other of ["", "x", "BZh91AY", "\x1f\x8b", "PK\x03\x04"])
    assert.equal(detectCompression(Buffer.from(other, "latin1")), "none");
});

test("decompress reads what gzip, xz and zstd programs write", async (t: TestContext) => {
  if (!hasPrograms(t, "gzip", "xz", "zstd")) return;
  const made: [Compression, Buffer][] = [
    ["none", sample],
    ["gzip", run("gzip", ["-c"], sample)],
    ["xz", xz(sample)],
    ["xz", xz(sample, "--check=none")],
    ["xz", xz(sample, "--check=sha256", "--block-size=65536")],
    ["xz", xz(sample, "-T2", "--block-size=200000")],
    ["zstd", run("zstd", ["-c"], sample)],
    ["zstd", run("zstd", ["-c", "--no-check", "-19", `--stream-size=${sample.length}`], sample)],
    ["zstd", run("zstd", ["-c", "--ultra", "-22"], sample)],
  ];
  for (const [kind, bytes] of made) {
    assert.equal(detectCompression(bytes), kind);
    assert.deepEqual(await bothWays(kind, bytes, options, [499, 1 << 16, bytes.length]), sample, kind);
  }
});

test("decompress joins gzip members, and zstd frames of all sizes around skippable ones", async () => {
  assert.deepEqual(
    await bothWays("gzip", Buffer.concat([gzipSync("a"), gzipSync(""), gzipSync("b")])),
    Buffer.from("ab"),
  );
  const large = Buffer.alloc(6 * mib, "large and known size ");
  const frames = [
    skippableFrame(Buffer.alloc(3)),
    zstdCompressSync("a"),
    plainFrame(sample),
    skippableFrame(Buffer.alloc(0)),
    plainFrame(large),
    plainFrame(Buffer.alloc(0)),
    zstdCompressSync(sample),
    skippableFrame(Buffer.alloc(100_000)),
  ];
  const whole = Buffer.concat([Buffer.from("a"), sample, large, sample]);
  assert.ok(whole.equals((await bothWays("zstd", Buffer.concat(frames), options, [999, 1 << 16, 1 << 24])) as Buffer));
  assert.deepEqual(await bothWays("zstd", skippableFrame(Buffer.from("only"))), Buffer.alloc(0));
});

test("decompress gives the same with the xz decoder in WebAssembly", async (t: TestContext) => {
  if (!hasPrograms(t, "xz")) return;
  const engine = "wasm";
  const large = Buffer.concat([sample, Buffer.alloc(20 * mib, "0123456789abcdef"), sample]);
  for (const bytes of [Buffer.alloc(0), sample, large]) {
    for (const packed of [
      xz(bytes),
      xz(bytes, "--block-size=3000000"),
      xz(bytes, "--check=none"),
      xz(bytes, "--check=crc32"),
    ]) {
      assert.ok(bytes.equals(unxzSync(packed, { ...options, engine })));
      assert.ok(bytes.equals(await collect(unxz(cut(packed, 5000), { ...options, engine }))));
      assert.ok(bytes.equals(await collect(unxz(cut(packed, 5000), options))));
    }
  }
  const damaged = xz(large);
  damaged[damaged.length >> 1] = (damaged[damaged.length >> 1] as number) ^ 1;
  assert.throws(
    () => unxzSync(damaged, { ...options, engine }),
    (error) => isAshlarError(error),
  );
  await assert.rejects(collect(unxz(cut(damaged, 5000), { ...options, engine })), (error) => isAshlarError(error));
  await assert.rejects(collect(unxz(cut(damaged, 5000), options)), (error) => isAshlarError(error));
});

test("decompress refuses input that is cut, damaged or followed by garbage", async (t: TestContext) => {
  if (!hasPrograms(t, "xz")) return;
  const small = Buffer.from("stones ".repeat(50));
  const packed: [Compression, Buffer][] = [
    ["gzip", gzipSync(small)],
    ["xz", xz(small)],
    ["zstd", zstdCompressSync(small)],
    ["zstd", plainFrame(small)],
    ["zstd", skippableFrame(small)],
  ];
  for (const [kind, bytes] of packed) {
    for (let length = 0; length < bytes.length; length++) {
      assert.equal(
        await bothWays(kind, bytes.subarray(0, length)),
        "FORMATS_DECOMPRESS_INVALID",
        `${kind} cut at ${length}`,
      );
    }
    await refused(kind, Buffer.concat([bytes, Buffer.from("garbage behind it")]), "INVALID");
    await refused(kind, Buffer.concat([bytes, Buffer.from("g")]), "INVALID");
    await refused(kind, Buffer.concat([bytes, Buffer.alloc(1)]), "INVALID");
    await refused(kind, Buffer.concat([bytes, Buffer.alloc(100), bytes]), "INVALID");
  }
  await refused("xz", Buffer.concat([xz(small), xz(small)]), "INVALID");
  const gzip = gzipSync(small);
  gzip[gzip.length - 8] = (gzip[gzip.length - 8] as number) ^ 1;
  await refused("gzip", gzip, "INVALID");
  for (const kind of ["gzip", "xz", "zstd"] as const) await refused(kind, randomBytes(300), "INVALID");
});

test("decompress refuses a wrong xz check sum, index or footer", async (t: TestContext) => {
  if (!hasPrograms(t, "xz")) return;
  const bytes = xz(Buffer.from("stones"));
  for (let at = 0; at < bytes.length; at++) {
    const wrong = Buffer.from(bytes);
    wrong[at] = (wrong[at] as number) ^ 0x10;
    const result = await bothWays("xz", wrong);
    assert.ok(typeof result === "string", `byte ${at} changed`);
  }
});

test("decompress stops at maxBytes, exactly", async (t: TestContext) => {
  if (!hasPrograms(t, "xz")) return;
  const maxBytes = sample.length;
  for (const [kind, bytes] of [
    ["none", sample],
    ["gzip", gzipSync(sample)],
    ["xz", xz(sample)],
    ["zstd", zstdCompressSync(sample)],
    ["zstd", plainFrame(sample)],
  ] as const) {
    assert.deepEqual(await bothWays(kind, bytes, { ...options, maxBytes }), sample);
    await refused(kind, bytes, "LIMIT", { ...options, maxBytes: maxBytes - 1 });
    await refused(kind, bytes, "LIMIT", { ...options, maxBytes: 0 });
  }
});

test("decompress refuses bombs without making them", async (t: TestContext) => {
  if (!hasPrograms(t, "sh", "xz", "zstd", "gzip")) return;
  const bomb = (command: string): Buffer => run("sh", ["-c", `head -c 150000000 /dev/zero | ${command}`]);
  const before = process.memoryUsage().rss;
  const wide = { ...options, maxBytes: 2 ** 40 };
  // More than 2000 times the input; gzip cannot do that.
  await refused("xz", bomb("xz -1"), "LIMIT", wide);
  await refused("zstd", bomb("zstd -1"), "LIMIT", wide);
  await refused("gzip", bomb("gzip -1"), "LIMIT");
  const liar = Buffer.from("28b52ffda0", "hex");
  for (const size of [2 ** 31, 2 ** 32 - 1]) {
    const frame = Buffer.concat([liar, Buffer.alloc(4), Buffer.from("010000", "hex")]);
    frame.writeUInt32LE(size, 5);
    assert.match(String(await bothWays("zstd", frame, wide)), /LIMIT|MEMORY|INVALID/);
  }
  const grown = process.memoryUsage().rss - before;
  assert.ok(grown < 256 * mib, `${grown} bytes more`);
});

test("decompress refuses an endless frame that says to be small", async () => {
  const block = Buffer.alloc(3 + 1000);
  block.writeUIntLE(1000 << 3, 0, 3);
  let taken = 0;
  const endless = function* (): Generator<Uint8Array> {
    yield Buffer.from("28b52ffd2005", "hex");
    for (; taken < 100_000; taken++) yield block;
  };
  await assert.rejects(collect(decompress("zstd", endless(), options)), (error) =>
    isAshlarError(error, "FORMATS_DECOMPRESS_INVALID"),
  );
  assert.ok(taken < 200, `${taken} blocks`);
});

test("decompress refuses dictionaries and windows above 128 MiB", async (t: TestContext) => {
  if (!hasPrograms(t, "xz", "zstd")) return;
  await refused("xz", xz(sample, "--lzma2=preset=1,dict=1536MiB"), "MEMORY");
  await refused("xz", xz(sample, "--lzma2=preset=1,dict=192MiB"), "MEMORY");
  assert.deepEqual(await bothWays("xz", xz(sample, "--lzma2=preset=1,dict=128MiB")), sample);
  const window = (log: number): Buffer =>
    Buffer.concat([Buffer.from("28b52ffd00", "hex"), Buffer.from([(log - 10) << 3]), Buffer.from("010000", "hex")]);
  await refused("zstd", window(31), "MEMORY");
  await refused("zstd", window(28), "MEMORY");
  assert.deepEqual(await bothWays("zstd", window(27)), Buffer.alloc(0));
  const single = Buffer.from("28b52ffde0000000100000000001000000".slice(0, 26), "hex");
  single.writeBigUInt64LE(256n << 20n, 5);
  await refused("zstd", Buffer.concat([single, Buffer.from("010000", "hex")]), "MEMORY");
});

test("decompress refuses xz filters other than LZMA2", async (t: TestContext) => {
  if (!hasPrograms(t, "xz")) return;
  await refused("xz", xz(sample, "--x86", "--lzma2"), "UNSUPPORTED");
  await refused("xz", xz(sample, "--delta=dist=4", "--lzma2"), "UNSUPPORTED");
  const flags = xz(sample);
  flags[7] = 0x1f;
  flags.writeUInt32LE(crc32(flags.subarray(6, 8)), 8);
  await refused("xz", flags, "UNSUPPORTED");
});

test("decompress passes the input's error on, and closes the input when the reader stops", async (t: TestContext) => {
  if (!hasPrograms(t, "xz")) return;
  const large = Buffer.concat([randomBytes(6 * mib), Buffer.alloc(20 * mib, "0123456789abcdef")]);
  for (const [kind, bytes] of [
    ["none", large],
    ["gzip", gzipSync(large, { level: 1 })],
    ["xz", xz(large, "-0")],
    ["zstd", zstdCompressSync(large)],
  ] as const) {
    let closed = false;
    const input = function* (failAt: number): Generator<Uint8Array> {
      try {
        let seen = 0;
        for (const piece of cut(bytes, 1 << 16)) {
          if (seen++ === failAt) throw new Error("the disk is gone");
          yield piece;
        }
      } finally {
        closed = true;
      }
    };
    const failed = collect(decompress(kind, input(80), options));
    await assert.rejects(failed, /^Error: the disk is gone$/, kind);
    closed = false;
    for await (const _ of decompress(kind, input(-1), options)) break;
    assert.ok(closed, `${kind}: the input was left open`);
  }
});
