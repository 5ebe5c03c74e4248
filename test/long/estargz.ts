// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { annotationKeys } from "../../src/oci/index.ts";
import { type EstargzBlob, estargzImage } from "../../src/pull/testing/estargz-image.ts";
import { bringFrom, filesOf, newStore, verifyBrought } from "../../src/pull/testing/pull-rig.ts";
import { rangeSource } from "../../src/pull/testing/range-source.ts";
import { gnuTar, ownTar, sampleFiles } from "./estargz-tars.ts";

/**
 * `sh tools/run test/long/estargz.ts [--update]`: the reference implementation (test/long/estargz, needs Go and the
 * modules that it names) makes eStargz layers of tars of several writers; each must come by file or whole as
 * docs/formats/layer.md says. `--update` writes the blobs that unit tests use.
 */
interface Case {
  readonly name: string;
  readonly tar: (dir: string) => Buffer;
  readonly flags: readonly string[];
  readonly way: "files" | "whole";
}

const own = (): Buffer => ownTar(1);
const gnu = (format: string) => (dir: string) => gnuTar(dir, format);
const small = ["-chunk", "1500"];

const cases: readonly Case[] = [
  { name: "built", tar: own, flags: small, way: "files" },
  { name: "built of what Go wrote", tar: own, flags: ["-rewrite"], way: "files" },
  { name: "built, some files first", tar: own, flags: ["-first", "usr/bin/tool,etc/motd"], way: "files" },
  { name: "wrapped, by Go", tar: own, flags: [...small, "-rewrite", "-wrap"], way: "files" },
  { name: "wrapped, by us", tar: own, flags: ["-wrap"], way: "whole" },
  { name: "several files in a gzip member", tar: own, flags: ["-min-chunk", "5000"], way: "whole" },
  { name: "built of GNU's format", tar: gnu("gnu"), flags: small, way: "files" },
  { name: "wrapped, GNU's format", tar: gnu("gnu"), flags: ["-wrap"], way: "files" },
  { name: "built of v7", tar: gnu("v7"), flags: [], way: "files" },
  { name: "built of GNU tar's pax", tar: gnu("posix"), flags: [], way: "whole" },
  { name: "fractions of seconds", tar: (dir) => gnuTar(dir, "posix", { fraction: 0.5 }), flags: [], way: "whole" },
];

async function main(): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), "ashlar-estargz-"));
  try {
    const program = join(dir, "make");
    const go = spawnSync("go", ["build", "-o", program, "."], { cwd: join(import.meta.dirname, "estargz") });
    if (go.status !== 0) return console.log(`skipped: needs Go and its modules\n${String(go.stderr ?? go.error)}`);
    const make = (tar: Buffer, flags: readonly string[]): EstargzBlob => makeBlob(dir, program, { tar, flags });
    if (process.argv.includes("--update")) return update(make);
    for (const item of cases) await check(item, make(item.tar(dir), item.flags));
    console.log(`${cases.length} layers came as they should`);
  } finally {
    rmSync(dir, { recursive: true });
  }
}

interface Wanted {
  readonly tar: Buffer;
  readonly flags: readonly string[];
}

function makeBlob(dir: string, program: string, { tar, flags }: Wanted): EstargzBlob {
  const [from, to] = [join(dir, "layer.tar"), join(dir, "layer.tar.gz")];
  writeFileSync(from, tar);
  const { status, stdout, stderr } = spawnSync(program, [...flags, from, to], { encoding: "utf8" });
  if (status !== 0) throw new Error(`the reference implementation failed: ${stderr}`);
  return { ...(JSON.parse(stdout) as Omit<EstargzBlob, "bytes">), bytes: readFileSync(to) };
}

async function check({ name, way }: Case, blob: EstargzBlob): Promise<void> {
  for (const annotations of [{}, { [annotationKeys.estargzTarBytes]: undefined }]) {
    const image = estargzImage([blob], annotations);
    const source = rangeSource(image);
    const store = await newStore();
    const brought = await bringFrom(store, source);
    verifyBrought(store, brought, image);
    const [layer] = brought.layers;
    const sent = source.asked.reduce((sum, { sentBytes }) => sum + sentBytes, 0);
    console.log(`${name}: ${layer?.way}, ${sent} of ${blob.bytes.length} bytes${layer?.why ? `, ${layer.why}` : ""}`);
    assert.equal(layer?.way, way, name);
    const files = filesOf(store, brought);
    for (const [path, bytes] of Object.entries(sampleFiles(1))) {
      if (files[path] !== undefined) assert.equal(files[path], bytes.toString("latin1"), `${name}: ${path}`);
    }
    assert.equal(files["etc/motd"], "hello\n");
  }
}

function update(make: (tar: Buffer, flags: readonly string[]) => EstargzBlob): void {
  const dir = join(import.meta.dirname, "../../src/pull/testing/estargz");
  mkdirSync(dir, { recursive: true });
  const tree = mkdtempSync(join(tmpdir(), "ashlar-estargz-tree-"));
  const blobs = {
    built: make(ownTar(1), small),
    next: make(ownTar(2), small),
    wrapped: make(ownTar(1), [...small, "-rewrite", "-wrap"]),
    gnu: make(gnuTar(tree, "gnu"), ["-first", "usr/bin/tool"]),
  };
  rmSync(tree, { recursive: true });
  for (const [name, { bytes }] of Object.entries(blobs)) writeFileSync(join(dir, `${name}.tar.gz`), bytes);
  const facts = Object.entries(blobs).map(([name, { bytes: _, ...rest }]) => [name, rest]);
  writeFileSync(join(dir, "blobs.json"), `${JSON.stringify(Object.fromEntries(facts), undefined, 2)}\n`);
}

await main();
