// SPDX-License-Identifier: Apache-2.0
/**
 * What an update of a package costs by file, beside its .deb. Arguments: an older and a newer .deb, and so on.
 *
 *     sh tools/run bench/package-updates.ts tzdata_2026b_all.deb tzdata_2026f_all.deb ...
 */
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";

import { type PackageRecord, unpackAction, unpackAll } from "../src/assemble/index.ts";
import { type Digest, digestOf } from "../src/base/index.ts";
import { loadCompressor } from "../src/formats/index.ts";
import { splitDirectories } from "../src/layer/index.ts";
import type { LockedPackage } from "../src/lock/index.ts";
import { splitTimes } from "../src/mirror/entry-times.ts";
import { fetchUnpacked, publishPackages, type UnpackedReport } from "../src/mirror/index.ts";
import { parseReference } from "../src/oci/index.ts";
import { openRemote } from "../src/registry/index.ts";
import { startTestRegistry } from "../src/registry/testing/test-registry.ts";
import { openStore, type Store } from "../src/store/index.ts";

const step = { advance: () => {}, done: () => {} };
const progress = { start: () => step, note: () => {}, warn: (text: string) => console.log(text), log: () => {} };
const compressor = await loadCompressor();

/** `NAME_VERSION_ARCHITECTURE.deb`, as archives and apt name them. */
function lockFile(path: string): LockedPackage {
  const [name = "", version = "", architecture = ""] = basename(path, ".deb").split("_").map(decodeURIComponent);
  const role = { from: "file", phase: "packages", use: "install", by: ["spec"] } as const;
  const file = { digest: digestOf(readFileSync(path)), sizeBytes: statSync(path).size, filename: basename(path) };
  return { name, version, architecture, sourceName: name, sourceVersion: version, ...file, ...role };
}

async function unpack(store: Store, path: string): Promise<Digest> {
  const locked = lockFile(path);
  const made = await unpackAll([{ ...locked, path }], { store, storeDir: "", workers: 1 });
  return made.get(locked.digest) as Digest;
}

async function measure(older: string, newer: string, base: string): Promise<void> {
  const dirs = ["there", "here"].map((name) => join(base, `${name} ${basename(newer)}`));
  const [there, here] = dirs.map((dir) => openStore(dir, { compressor })) as [Store, Store];
  const locked = lockFile(newer);
  await using registry = await startTestRegistry();
  const place = openRemote(parseReference(`${registry.host}/packages`), {});
  const record = await unpack(there, newer);
  await publishPackages([{ locked, record }], { store: there, place, parallel: 4, progress });
  const unpackMs = await timed(() => unpack(here, older));
  registry.requests.length = 0;
  const claimed = { ...locked, unpacked: { version: unpackAction(locked.digest).version, record } };
  const blocks = partsOf(here, older);
  const places = [{ name: "packages", source: place }];
  const options = { store: here, places, partsHere: () => blocks, progress, summary: () => "" };
  let report: UnpackedReport | undefined;
  const fetchMs = await timed(async () => (report = await fetchUnpacked([claimed], options)));
  const sum = registry.sentBytes();
  const share = `${((100 * sum) / locked.sizeBytes).toFixed(1)} %`;
  const way = report?.packages === 1 ? `${sum} (${share})` : `the .deb, after ${sum} (${share})`;
  const parts = [locked.sizeBytes, way, registry.requests.length];
  const times = [unpackMs, fetchMs].map((ms) => `${ms} ms`);
  const versions = `${lockFile(older).version} to ${locked.version}`;
  console.log(`| ${[locked.name, versions, ...parts, ...times].join(" | ")} |`);
  await place.close();
  for (const store of [there, here]) store.close();
  for (const dir of dirs) rmSync(dir, { recursive: true });
}

/** The blocks that an image has which was built of the package. */
function partsOf(store: Store, path: string): readonly Digest[] {
  const record = store.getAction(unpackAction(lockFile(path).digest))?.value as Digest;
  const { tree } = store.readRecord(record).value as unknown as PackageRecord;
  const { directories, rest } = splitDirectories(splitTimes(store.readTree(tree)).timeless);
  return [directories, rest].map((part) => store.putTree(part));
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return Math.round(performance.now() - start);
}

console.log("| package | from, to | .deb | by file | requests | unpack the older | take the newer |");
console.log(`|${"---|".repeat(7)}`);
const base = mkdtempSync(join(tmpdir(), "ashlar-updates-"));
try {
  const paths = process.argv.slice(2);
  for (let i = 0; i + 1 < paths.length; i += 2) await measure(paths[i] as string, paths[i + 1] as string, base);
} finally {
  rmSync(base, { recursive: true, force: true });
}
