// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import type { PackageRecord } from "../assemble/index.ts";
import { digestOf } from "../base/index.ts";
import type { DebFile } from "../debian/testing/build-deb.ts";
import { splitDirectories } from "../layer/index.ts";
import { memoryPlace } from "../registry/index.ts";
import { sample } from "../store/testing/sample.ts";
import { claimOf, knownRecord } from "./claim.ts";
import { splitTimes } from "./entry-times.ts";
import { tagOf } from "./package-artifact.ts";
import { publishPackages } from "./publish-packages.ts";
import { claimed, fetchFrom, listen, lockDeb, newStore, startMirror, unpack } from "./testing/mirror-rig.ts";

/** As a package of Debian: directories, programs, links, files that stay from version to version. */
function filesOf(version: string): Readonly<Record<string, DebFile>> {
  const data = Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`usr/share/tool/data${i}`, sample(i, 2_000)]));
  return {
    ...data,
    "usr/bin/tool": { type: "file", content: `#!/bin/sh -e\necho ${version}\n`, mode: 0o755 },
    "usr/bin/alias": { type: "symlink", target: "tool" },
    "usr/share/tool/empty": "",
    "usr/share/tool/large": sample(77, 9 << 20),
    "usr/share/tool/one": { type: "file", content: "linked", mode: 0o4750, gid: 42, mtimeSeconds: 7 },
    "usr/share/tool/two": { type: "hardlink", target: "usr/share/tool/one", mode: 0o4750, gid: 42, mtimeSeconds: 7 },
  };
}

const old = lockDeb("tool", "1", filesOf("1"));
const now = lockDeb("tool", "2", filesOf("2"));
const silentPlace = { parallel: 2, progress: listen() };

test("fetchUnpacked takes a package by its missing files, and it is the one that unpacking makes", async () => {
  await using mirror = await startMirror();
  const here = newStore();
  const record = await unpack(here, now);
  await publishPackages([{ locked: now, record }], { store: here, place: mirror.place, ...silentPlace });

  const store = newStore();
  await unpack(store, old);
  mirror.registry.requests.length = 0;
  const progress = listen();
  const locked = claimed(now, record);
  const report = await fetchFrom([locked, locked], { store, places: mirror.places, progress });
  assert.deepEqual(progress.warnings, []);
  assert.equal(report.packages, 1);
  assert.equal(report.debBytes, now.sizeBytes);
  assert.ok(report.fetchedBytes < 20_000, `${report.fetchedBytes} bytes of a .deb of ${now.sizeBytes}`);
  assert.ok(mirror.registry.requests.length <= 4, `${mirror.registry.requests.length} requests`);

  assert.equal(knownRecord(store, locked), record);
  const { tree, control, list } = store.readRecord(record).value as unknown as PackageRecord;
  assert.deepEqual(store.readTree(tree), here.readTree(tree));
  for (const content of [...Object.values(control), list]) assert.deepEqual(store.read(content), here.read(content));
  assert.deepEqual(store.info(digestOf(sample(5, 2_000))), here.info(digestOf(sample(5, 2_000))));
  assert.deepEqual(store.fsck({ full: true }).faults, []);
  assert.equal(await unpack(store, now), record, "the archive's package gives the same");
});

test("of a package's table only what differs from layers of the store's images is fetched", async () => {
  const many = (version: string): Readonly<Record<string, DebFile>> => {
    const mtimeSeconds = Number(version) * 1_000;
    const files = Array.from({ length: 500 }, (_, i): [string, DebFile] => {
      return [`usr/share/many/${i}`, { type: "file", content: `${i === 77 ? version : ""} ${i}\n`, mtimeSeconds }];
    });
    return Object.fromEntries(files);
  };
  const [first, second] = ["1", "2"].map((version) => lockDeb("many", version, many(version)));
  assert.ok(first && second);
  await using mirror = await startMirror();
  const here = newStore();
  const record = await unpack(here, second);
  await publishPackages([{ locked: second, record }], { store: here, place: mirror.place, ...silentPlace });
  const fetched: number[] = [];
  for (const hasImage of [false, true]) {
    const store = newStore();
    const { tree } = store.readRecord(await unpack(store, first)).value as unknown as PackageRecord;
    const parts = Object.values(splitDirectories(splitTimes(store.readTree(tree)).timeless));
    const partsHere = hasImage ? parts.map((part) => store.putTree(part)) : [];
    const options = { store, places: mirror.places, progress: listen() };
    const report = await fetchFrom([claimed(second, record)], options, () => partsHere);
    assert.deepEqual([report.packages, options.progress.warnings], [1, []]);
    fetched.push(report.fetchedBytes);
  }
  const [whole = 0, parts = 0] = fetched;
  // What is left is mostly the package's md5sums.
  assert.ok(parts < 0.6 * whole, `${parts} bytes, ${whole} without an image`);
});

test("a package that came by a lock's word counts for no lock that does not say it", async () => {
  await using mirror = await startMirror();
  const here = newStore();
  const record = await unpack(here, now);
  await publishPackages([{ locked: now, record }], { store: here, place: mirror.place, ...silentPlace });
  const store = newStore();
  await unpack(store, old);
  await fetchFrom([claimed(now, record)], { store, places: mirror.places, progress: listen() });
  assert.equal(knownRecord(store, claimed(now, record)), record);
  assert.equal(knownRecord(store, now), undefined);
  assert.equal(knownRecord(store, claimed(now, digestOf("other"))), undefined);
});

test("knownRecord refuses a lock that is wrong about a package that was unpacked here", async () => {
  const store = newStore();
  const record = await unpack(store, now);
  assert.equal(knownRecord(store, claimed(now, record)), record);
  assert.throws(() => knownRecord(store, claimed(now, digestOf("other"))), {
    code: "VERIFY_UNPACKED",
    message: /wrong about what 1 packages unpack to: "tool"/,
  });
});

test("claimOf does not hear what a lock says of another way to unpack", () => {
  const record = digestOf("record");
  assert.equal(claimOf(claimed(now, record)), record);
  assert.equal(claimOf({ ...now, unpacked: { version: 2, record } }), undefined);
  assert.equal(claimOf(now), undefined);
});

test("fetchUnpacked leaves to the archive what would cost more than the .deb, without a word", async () => {
  await using mirror = await startMirror();
  const noise = lockDeb("noise", "1", { "usr/share/noise": sample(1, 3_000) });
  const here = newStore();
  const record = await unpack(here, noise);
  await publishPackages([{ locked: noise, record }], { store: here, place: mirror.place, ...silentPlace });
  const store = newStore();
  const progress = listen();
  const small = { ...claimed(noise, record), sizeBytes: 1_000 };
  const report = await fetchFrom([small], { store, places: mirror.places, progress });
  assert.equal(report.packages, 0);
  assert.deepEqual(progress.warnings, []);
  assert.equal(knownRecord(store, small), undefined);
  assert.equal(store.has(digestOf(sample(1, 3_000))), false);
  const anyhow = await fetchFrom([small], { store, places: mirror.places, progress, anySize: true });
  assert.equal(anyhow.packages, 1, "where the archive has it no more it is taken all the same");
});

test("fetchUnpacked asks one place after the other, and is silent about what none has", async () => {
  await using empty = await startMirror();
  await using full = await startMirror();
  const here = newStore();
  const record = await unpack(here, now);
  await publishPackages([{ locked: now, record }], { store: here, place: full.place, ...silentPlace });
  const store = newStore();
  const progress = listen();
  const other = claimed(old, digestOf("nobody has this"));
  const places = [...empty.places, ...full.places];
  const report = await fetchFrom([claimed(now, record), other], { store, places, progress });
  assert.equal(report.packages, 1);
  assert.deepEqual(progress.warnings, []);
  assert.equal(knownRecord(store, claimed(now, record)), record);
  assert.equal(knownRecord(store, other), undefined);
});

test("publishPackages sends a package once, and the same bytes from every store", async () => {
  await using mirror = await startMirror();
  const packages = [old, now];
  for (const round of ["first", "second"]) {
    const store = newStore();
    // Another order, and so other packs and frames' places.
    for (const locked of round === "first" ? packages : [...packages].reverse()) await unpack(store, locked);
    const known = packages.map((locked) => ({ locked, record: knownRecord(store, locked) as never }));
    const report = await publishPackages(known, { store, place: mirror.place, ...silentPlace });
    assert.equal(report.pushed, round === "first" ? 2 : 0);
    assert.equal(report.present, round === "first" ? 0 : 2);
    const { blobs = new Map(), manifests = new Map() } = mirror.registry.repositories.get("team/packages") ?? {};
    const kept = [...blobs.values(), ...[...manifests.values()].map(({ bytes }) => bytes)];
    const keptBytes = kept.reduce((sum, bytes) => sum + bytes.length, 0);
    if (round === "first") assert.ok(Math.abs(report.sentBytes - keptBytes) < 100, `${report.sentBytes}, ${keptBytes}`);
    else assert.equal(report.sentBytes, 0);
  }
  const manifests = [...mirror.registry.repositories.values()].flatMap(({ manifests }) => [...manifests.values()]);
  assert.equal(manifests.length, 2);
});

test("publishPackages writes to any place, and what it writes names package and .deb for people", async () => {
  const store = newStore();
  const record = await unpack(store, now);
  const place = memoryPlace();
  await publishPackages([{ locked: now, record }], { store, place, ...silentPlace });
  const manifest = JSON.parse(Buffer.from(await place.manifest(await place.resolve(tagOf(record)))).toString("utf8"));
  assert.equal(manifest.artifactType, "application/vnd.ashlar.package.v1");
  assert.equal(manifest.annotations["ashlar.package.record"], record);
  assert.equal(manifest.annotations["org.opencontainers.image.title"], "tool_2_amd64");
  assert.equal(manifest.annotations["ashlar.package.deb"], now.digest);
});

test("fetchUnpacked takes packages without directories, without files, and with paths like its own", async () => {
  await using mirror = await startMirror();
  const odd = [
    lockDeb("flat", "1", { note: "only a file\n" }),
    lockDeb("bare", "1", { "usr/share/doc/bare": { type: "dir" } }),
    lockDeb("none", "1", {}),
    lockDeb("same", "1", { [`.ashlar/${digestOf("x").slice(7)}`]: "x", ".ashlar/control": "y" }),
  ];
  const here = newStore();
  const known = [];
  for (const locked of odd) known.push({ locked, record: await unpack(here, locked) });
  await publishPackages(known, { store: here, place: mirror.place, ...silentPlace });
  const store = newStore();
  const progress = listen();
  const packages = known.map(({ locked, record }) => ({ ...claimed(locked, record), sizeBytes: 1 << 20 }));
  const report = await fetchFrom(packages, { store, places: mirror.places, progress });
  assert.deepEqual(progress.warnings, []);
  assert.equal(report.packages, odd.length);
  for (const { locked, record } of known) assert.equal(await unpack(store, locked), record);
});
