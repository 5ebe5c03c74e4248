// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { UnpackedPackage } from "../../src/assemble/index.ts";
import { EntryCollector } from "../../src/assemble/unpack-entries.ts";
import { compareOrdinal, type Digest, digestOf } from "../../src/base/index.ts";
import { type Deb, field, readDeb } from "../../src/debian/index.ts";
import { decompress, type TarEntry, TarParser, type Tree } from "../../src/formats/index.ts";
import type { LockedPackage } from "../../src/lock/index.ts";
import { run } from "./run.ts";

/** Takes a content; the files of packages come with what tells them from control files. */
export type Put = (
  bytes: Uint8Array,
  kind: "file" | "control",
) => { readonly digest: Digest; readonly sizeBytes: number };

/** Downloads the closure of some packages on an empty system, as apt sees it, into a directory. */
export function download(wanted: readonly string[], dir: string): void {
  const status = join(dir, "status");
  writeFileSync(status, "");
  const options = ["-o", `Dir::State::status=${status}`, "--no-install-recommends"];
  const list = run("apt-get", ["-s", ...options, "install", ...wanted]);
  assert.equal(list.status, 0, list.stderr);
  const names = [...list.stdout.matchAll(/^Inst (\S+) \((\S+) /gm)].map(([, name, version]) => `${name}=${version}`);
  assert.ok(names.length >= 30, `only ${names.length} packages`);
  const got = run("apt-get", ["download", "-o", "APT::Sandbox::User=root", ...names], dir);
  assert.equal(got.status, 0, got.stderr);
}

/** Unpacks every .deb of a directory; `filename` is its path there. */
export async function unpackAllIn(dir: string, put: Put): Promise<readonly UnpackedPackage[]> {
  const unpacked: UnpackedPackage[] = [];
  const names = readdirSync(dir).filter((name) => name.endsWith(".deb"));
  for (const name of names.sort(compareOrdinal)) unpacked.push(await unpack(join(dir, name), put));
  return unpacked;
}

async function unpack(file: string, put: Put): Promise<UnpackedPackage> {
  const bytes = readFileSync(file);
  const deb = readDeb({ sizeBytes: bytes.length, read: (offset, length) => bytes.subarray(offset, offset + length) });
  return {
    locked: lockedOf(deb, file, bytes),
    tree: await readTree(deb, file, put),
    control: new Map([...deb.control].map(([path, text]) => [path, put(text, "control").digest])),
    list: put(Buffer.alloc(0), "control").digest,
  };
}

async function readTree(deb: Deb, file: string, put: Put): Promise<Tree> {
  const collector = new EntryCollector(file);
  let entry: TarEntry | undefined;
  let pieces: Uint8Array[] = [];
  const parser = new TarParser({
    entry(next) {
      if (next.type === "file") entry = next;
      else collector.add(next);
    },
    data: (piece) => void pieces.push(Uint8Array.from(piece)),
    endEntry() {
      if (entry !== undefined) collector.addFile(entry, put(Buffer.concat(pieces), "file"));
      entry = undefined;
      pieces = [];
    },
  });
  const options = { maxBytes: 1 << 30, what: file };
  for await (const piece of decompress(deb.data.compression, deb.data.chunks(), options)) parser.push(piece);
  parser.finish();
  return collector.finish();
}

function lockedOf({ fields }: Deb, filename: string, bytes: Uint8Array): LockedPackage {
  const get = (key: string): string => field(fields, key) ?? "";
  const name = get("Package");
  const version = get("Version");
  const isBase = get("Essential") === "yes" || name === "base-files";
  const source = { sourceName: name, sourceVersion: version, from: "test", by: ["spec"] };
  const file = { digest: digestOf(bytes), sizeBytes: bytes.length, filename };
  const phase = isBase ? "base" : "packages";
  return { name, version, architecture: get("Architecture"), ...file, ...source, phase, use: "install" };
}
