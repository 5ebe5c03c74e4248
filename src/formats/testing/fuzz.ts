// SPDX-License-Identifier: Apache-2.0
import { emptyDigest, parsePath } from "../../base/index.ts";
import { parseAr } from "../ar.ts";
import { type Compression, decompress, decompressSync } from "../compression.ts";
import { crc64 } from "../crc64.ts";
import { parseElf } from "../elf.ts";
import { GzipWriter } from "../gzip-writer.ts";
import { parseShebang } from "../shebang.ts";
import { encodeTarHeader, tarEnd, tarPadding } from "../tar-header.ts";
import { TarParser } from "../tar-parser.ts";
import { encodeTree, type Entry, makeTree, parseTree } from "../tree.ts";
import { unxzSync } from "../xz.ts";
import { decompressFrame, plainFrame, skippableFrame } from "../zstd-frame.ts";
import { makeElf } from "./make-elf.ts";
import { archive, base256, member, pax, paxRecord } from "./tar-bytes.ts";

/** What the mutation suite turns: `run` either returns or throws an `AshlarError`, in bounded time and memory. */
export interface FuzzTarget {
  readonly name: string;
  readonly seeds: () => Uint8Array[];
  readonly run: (bytes: Uint8Array) => void | Promise<void>;
}

const options = { maxBytes: 32 << 20, what: "fuzz" };

export const fuzzTargets: readonly FuzzTarget[] = [
  { name: "tar", seeds: tarSeeds, run: runTar },
  { name: "ar", seeds: arSeeds, run: (bytes) => void parseAr(readerOf(bytes)) },
  { name: "tree", seeds: treeSeeds, run: runTree },
  { name: "elf", seeds: elfSeeds, run: (bytes) => void parseElf(bytes) },
  {
    name: "shebang",
    seeds: () => [Buffer.from("#!/usr/bin/env python3 -I\n"), Buffer.from("#! /bin/sh")],
    run: (bytes) => void parseShebang(bytes),
  },
  {
    name: "gzip",
    seeds: () => [gzip(sample), Buffer.concat([gzip(sample), gzip(sample)])],
    run: (bytes) => runBoth("gzip", bytes),
  },
  { name: "xz", seeds: () => xzSeeds, run: (bytes) => runBoth("xz", bytes) },
  { name: "xz-wasm", seeds: () => xzSeeds, run: (bytes) => void unxzSync(bytes, { ...options, engine: "wasm" }) },
  { name: "zstd", seeds: zstdSeeds, run: (bytes) => runBoth("zstd", bytes) },
  { name: "zstd-frame", seeds: zstdSeeds, run: (bytes) => void decompressFrame(bytes, sample.length) },
];

const sample = Buffer.from("stones cut so exactly that they fit, ".repeat(30));

const meta = { mode: 0o755, uid: 0, gid: 0, mtimeSeconds: 0 };
const entries: readonly Entry[] = [
  { ...meta, type: "dir", path: parsePath("a") },
  { ...meta, type: "file", path: parsePath("a/b"), sizeBytes: 0, content: emptyDigest, xattrs: { "user.a": "AAEC" } },
  { ...meta, type: "symlink", path: parsePath("c"), target: "../x" },
  { ...meta, type: "hardlink", path: parsePath("d"), target: parsePath("a/b") },
  { ...meta, type: "char", path: parsePath("e\udcff"), major: 1, minor: 3, uid: 3_000_000, mtimeSeconds: -1 },
  { ...meta, type: "fifo", path: parsePath("f".repeat(200)) },
];

function tarSeeds(): Uint8Array[] {
  const ours = entries.flatMap((entry) => [encodeTarHeader(entry), tarPadding(0)]);
  return [
    Buffer.concat([...ours, tarEnd]),
    archive(
      pax(paxRecord("path", "x"), paxRecord("size", "3")),
      member({ size: 0 }, "abc"),
      member({ type: "5", name: "d/" }),
    ),
    archive(member({ type: "L" }, "long\0"), member({ type: "K" }, "link\0"), member({ type: "2", linkName: "x" })),
    archive(
      member({ type: "g" }, paxRecord("mtime", "1.5")),
      member({ uid: base256(3_000_000n, 8), size: base256(5n, 12) }, "12345"),
    ),
  ];
}

function runTar(bytes: Uint8Array): void {
  const parser = new TarParser({ entry() {}, data: (piece) => void crc64(piece), endEntry() {} });
  for (let at = 0; at < bytes.length; at += 700) parser.push(bytes.subarray(at, at + 700));
  parser.finish();
}

function readerOf(bytes: Uint8Array): Parameters<typeof parseAr>[0] {
  return { sizeBytes: bytes.length, read: (offset, length) => bytes.subarray(offset, offset + length) };
}

function arSeeds(): Uint8Array[] {
  const header = (name: string, size: number): string =>
    `${name.padEnd(16)}${"0".padEnd(32)}${String(size).padEnd(10)}\`\n`;
  return [
    Buffer.from(
      `!<arch>\n${header("debian-binary", 4)}2.0\n${header("control.tar", 3)}abc\n${header("data.tar", 2)}de`,
    ),
  ];
}

function treeSeeds(): Uint8Array[] {
  return [encodeTree(makeTree(entries)), encodeTree([])];
}

/** What is accepted is canonical. */
function runTree(bytes: Uint8Array): void {
  if (Buffer.compare(encodeTree(parseTree(bytes)), bytes) !== 0) throw new Error("an accepted tree is not canonical");
}

function elfSeeds(): Uint8Array[] {
  const parts = { interpreter: "/lib/ld.so", needed: ["liba.so.1"], soname: "x", rpath: "/a:/b", runpath: "/c" };
  return [true, false].flatMap((wide) => [true, false].map((little) => makeElf({ wide, little, ...parts })));
}

function gzip(bytes: Uint8Array): Buffer {
  const writer = new GzipWriter();
  return Buffer.concat([...writer.push(bytes), ...writer.finish()]);
}

/** "stones\n" by xz 5.4, with CRC-64 and with two blocks and SHA-256: we cannot write xz ourselves. */
const xzSeeds: Uint8Array[] = [
  "/Td6WFoAAATm1rRGAgAhARYAAAB0L+WjAQAGc3RvbmVzCgAANZtOunpwQsEAAR8HFi64cx+2830BAAAAAARZWg==",
  "/Td6WFoAAArh+wyhAgAhARYAAAB0L+Wj4AATAA1dADmdCiKH2dRubWcAAAAAAAAAJXq27nCGquZyktloOw+nSOhp++" +
    "O1AzG1m2wOxq7z+dwCACEBFgAAAHQv5aMBAA4gc3RvbmVzIHN0b25lcwoAAKHcQx/xx8VAQvj0KaWjxf/C47EWfoWb" +
    "n8aDDYfs1BNcAAJBFD8PAAABic0AtunfHAIAAAAAClla",
].map((text) => Buffer.from(text, "base64"));

function zstdSeeds(): Uint8Array[] {
  const compressed = Buffer.from("KLUv/SCMdQAAOHN0b25lcyABAAJRxQg=", "base64");
  /** By zstd 1.5: no content size, and a check sum. */
  const streamed = Buffer.from("KLUv/QRYnQAAYHN0b25lcyBjdXQgCgEAqbtfko2t7dU=", "base64");
  return [
    compressed,
    streamed,
    plainFrame(sample),
    Buffer.concat([skippableFrame(sample), compressed, plainFrame(Buffer.alloc(100))]),
  ];
}

/** Both ways come to the same: a result, or an error of ours. */
async function runBoth(kind: Compression, bytes: Uint8Array): Promise<void> {
  const whole = attempt(() => decompressSync(kind, bytes, options));
  const pieces: Uint8Array[] = [];
  let failed = false;
  try {
    for await (const piece of decompress(kind, cut(bytes), options)) pieces.push(piece);
  } catch (error) {
    failed = true;
    if (whole.error === undefined) throw error;
  }
  if (whole.error !== undefined) {
    if (!failed) throw new Error("only the whole is refused, not the pieces");
    throw whole.error;
  }
  if (Buffer.compare(Buffer.concat(pieces), whole.value) !== 0) throw new Error("the pieces differ from the whole");
}

function attempt(work: () => Uint8Array): { value: Uint8Array; error: undefined } | { value: undefined; error: {} } {
  try {
    return { value: work(), error: undefined };
  } catch (error) {
    return { value: undefined, error: error as {} };
  }
}

function* cut(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 100) yield bytes.subarray(at, at + 100);
}
