// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { field, readDeb } from "../../src/debian/index.ts";
import { run } from "../../src/debian/testing/dpkg.ts";
import { decompress, TarParser } from "../../src/formats/index.ts";

const packages = [
  "base-files",
  "bash",
  "ca-certificates",
  "coreutils",
  "libc6",
  "nginx",
  "python3-minimal",
  "tzdata",
  "zstd",
];

/**
 * `sh tools/run test/long/debs.ts [NAME...]`: downloads packages with apt-get and compares what we read of them
 * with dpkg-deb: every field, the list of names and types, and each byte of data.tar. Exits 1 on a difference.
 */
async function main(): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), "ashlar-debs-"));
  try {
    const names = process.argv.length > 2 ? process.argv.slice(2) : packages;
    execFileSync("apt-get", ["-qq", "-o", "APT::Sandbox::User=root", "download", ...names], {
      cwd: dir,
      stdio: "inherit",
    });
    const files = readdirSync(dir).sort();
    if (files.length !== names.length) throw new Error(`${files.length} files of ${names.length} packages`);
    for (const file of files) await compare(join(dir, file), file);
    console.log(`${files.length} packages read as by dpkg-deb`);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

async function compare(path: string, name: string): Promise<void> {
  const bytes = readFileSync(path);
  const read = (offset: number, length: number): Uint8Array => bytes.subarray(offset, offset + length);
  const { fields, data } = readDeb({ sizeBytes: bytes.length, read });
  for (const [key, value] of fields) {
    const theirs = run("dpkg-deb", ["-f", path, key]).toString("utf8").trimEnd();
    if (theirs !== value)
      throw new Error(
        `${name}: field ${key} is ${JSON.stringify(value)}, dpkg-deb says ${JSON.stringify(theirs)}`,
      );
  }
  const shown =
    run("dpkg-deb", ["-f", path])
      .toString("utf8")
      .match(/^[^\s:]+(?=:)/gm) ?? [];
  if (shown.length !== fields.size)
    throw new Error(`${name}: ${fields.size} fields, dpkg-deb shows ${shown.length}`);
  const tar: Uint8Array[] = [];
  for await (const piece of decompress(data.compression, data.chunks(), { maxBytes: 1 << 30, what: name }))
    tar.push(piece);
  const whole = Buffer.concat(tar);
  if (!whole.equals(run("dpkg-deb", ["--fsys-tarfile", path]))) throw new Error(`${name}: data.tar differs`);
  const listed = run("dpkg-deb", ["-c", path]).toString("utf8").trimEnd().split("\n").length;
  const count = countEntries(whole);
  if (count !== listed) throw new Error(`${name}: ${count} entries, dpkg-deb lists ${listed}`);
  const sizes = `${fields.size} fields, ${count} entries, ${whole.length} bytes`;
  console.log(`${name}: ${field(fields, "Version")}, ${sizes}, ${data.compression}`);
}

function countEntries(tar: Uint8Array): number {
  let count = 0;
  const parser = new TarParser({
    entry: () => void count++,
    data: () => undefined,
    endEntry: () => undefined,
  });
  parser.push(tar);
  parser.finish();
  return count;
}

await main();
