// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { type AshlarError, digestOf } from "../base/index.ts";
import { memoryStore } from "../store/index.ts";
import { type Archive, type ArchiveOptions, fetchArchive } from "./fetch-archive.ts";
import { openFetcher } from "./fetcher.ts";
import type { ArchiveSource } from "./mirrors.ts";
import { makeTestArea } from "./testing/download-dir.ts";
import { fixtureArchive, type FixtureSuite, showDate } from "./testing/fixture-archive.ts";
import { type Mischief, type MirrorServer, serveMirror } from "./testing/mirror-server.ts";
import { publicKeyOf } from "./testing/sign-archive.ts";

const day = 86_400;
const dateSeconds = Date.UTC(2025, 5, 1) / 1000;
const packages = [
  { name: "hello", fields: { Depends: "libhello (>= 1)" } },
  { name: "libhello", version: "2:1.0-1" },
  { name: "hello-data", architecture: "all" },
];
const fixture: FixtureSuite = { suite: "fixture", dateSeconds, packages };
const signedBy = await publicKeyOf("main");

interface Rig extends AsyncDisposable {
  readonly server: MirrorServer;
  readonly files: Map<string, Uint8Array>;
  fetch(
    options?: Partial<ArchiveOptions>,
    more?: { source?: Partial<ArchiveSource>; offline?: boolean },
  ): Promise<Archive>;
}

async function rig(
  suite: Partial<FixtureSuite> = {},
  mischief?: (path: string, earlier: number) => Mischief | undefined,
): Promise<Rig> {
  const files = await fixtureArchive({ ...fixture, ...suite });
  const server = await serveMirror(files, mischief);
  const area = makeTestArea();
  const store = memoryStore();
  return {
    server,
    files,
    async fetch(options = {}, { source = {}, offline = false } = {}) {
      const fetcher = openFetcher({ area, offline, retryDelayMs: 1 });
      const asked: ArchiveSource = {
        name: "fixture",
        suite: "fixture",
        components: ["main"],
        archive: "main",
        signedBy,
        ...source,
      };
      try {
        const fixed = { store, mirrors: { mirror: server.base }, nowSeconds: dateSeconds + day };
        return await fetchArchive(fetcher, { source: asked, architectures: ["amd64"] }, { ...fixed, ...options });
      } finally {
        await fetcher.close();
      }
    },
    async [Symbol.asyncDispose]() {
      await server.close();
      area[Symbol.dispose]();
    },
  };
}

async function refuses(promise: Promise<unknown>, code: string, pattern = /./): Promise<void> {
  await assert.rejects(promise, (error: AshlarError) => {
    assert.equal(error.code, code, String(error));
    assert.match([error.message, ...error.because].join("\n"), pattern);
    return true;
  });
}

describe("fetchArchive", () => {
  it("gives the packages of a signed archive, by hash", async () => {
    await using t = await rig();
    const archive = await t.fetch();
    assert.deepEqual(
      archive.packages.get("amd64")?.[0]?.packages.map(({ name }) => name),
      ["hello", "hello-data", "libhello"],
    );
    assert.equal(archive.releaseDigest, digestOf(t.files.get("dists/fixture/InRelease") ?? ""));
    assert.equal(archive.dateSeconds, dateSeconds);
    assert.match(archive.signedBy.join(), /^[0-9A-F]{40}$/);
    assert.match(t.server.requests.map(({ path }) => path).join("\n"), /by-hash\/SHA256/);
  });

  it("fetches only the Release file the second time", async () => {
    await using t = await rig();
    await t.fetch();
    const before = t.server.requests.length;
    await t.fetch();
    assert.deepEqual(
      t.server.requests.slice(before).map(({ path }) => path),
      ["dists/fixture/InRelease"],
    );
  });

  it("takes Release with Release.gpg, and refuses Release alone", async () => {
    await using t = await rig({ detached: true });
    const archive = await t.fetch();
    assert.equal(archive.signatureDigest, digestOf(t.files.get("dists/fixture/Release.gpg") ?? ""));
    t.files.delete("dists/fixture/Release.gpg");
    await refuses(t.fetch(), "FETCH_SIGNATURE_MISSING", /Release\.gpg/);
  });

  it("goes to the next mirror, but not past a bad signature", async () => {
    await using dead = await rig({}, () => ({ status: 500 }));
    await using good = await rig();
    const mirrors = { mirror: `${dead.server.base} ${good.server.base}` };
    await good.fetch({ mirrors });
    await using evil = await rig();
    const file = Buffer.from(evil.files.get("dists/fixture/InRelease") ?? "").toString();
    evil.files.set("dists/fixture/InRelease", Buffer.from(file.replace(/^Origin: /m, "Origin: X")));
    await refuses(
      good.fetch({ mirrors: { mirror: `${evil.server.base} ${good.server.base}` } }),
      "FETCH_SIGNATURE_BAD",
    );
  });

  it("refuses an archive signed by others, and text around the armour", async () => {
    await using t = await rig({ keys: ["stranger"] });
    await refuses(t.fetch(), "FETCH_SIGNATURE_MISSING", /unknown/);
    await using u = await rig();
    const file = u.files.get("dists/fixture/InRelease") ?? new Uint8Array();
    u.files.set("dists/fixture/InRelease", Buffer.concat([Buffer.from("Suite: fixture\n"), file]));
    await refuses(u.fetch(), "FETCH_SIGNATURE_ARMOUR");
  });

  it("refuses another suite than was asked for", async () => {
    await using t = await rig({ release: { Suite: "other", Codename: "othername" } });
    await refuses(t.fetch(), "FETCH_RELEASE_SUITE", /"other"/);
    await using u = await rig({ release: { Suite: "stable" } });
    assert.equal((await u.fetch()).release.suite, "stable");
  });

  it("refuses expired files, and records it when told to accept them", async () => {
    await using t = await rig({ release: { "Valid-Until": showDate(dateSeconds + 3600) } });
    await refuses(t.fetch(), "FETCH_RELEASE_EXPIRED");
    const archive = await t.fetch({ overrides: { allowExpired: true } });
    assert.deepEqual(archive.overrides, ["expired"]);
    const pinned = { release: archive.releaseDigest };
    assert.deepEqual((await t.fetch({ pinned })).overrides, [], "a pinned one has no age");
    await using u = await rig();
    await refuses(u.fetch({ maxAgeSeconds: 3600 }), "FETCH_RELEASE_EXPIRED");
    assert.deepEqual((await u.fetch({ maxAgeSeconds: 2 * day })).overrides, []);
  });

  it("refuses a Date in the future", async () => {
    await using t = await rig({ release: { Date: showDate(dateSeconds + 2 * day) } });
    await refuses(t.fetch(), "FETCH_RELEASE_FUTURE");
    await t.fetch({ nowSeconds: dateSeconds + 2 * day - 500 });
  });

  it("notices a roll-back, and accepts it only when told to", async () => {
    await using t = await rig();
    const older = new Map(t.files);
    const newer = await fixtureArchive({ ...fixture, dateSeconds: dateSeconds + 3600 });
    for (const [path, bytes] of newer) t.files.set(path, bytes);
    await t.fetch();
    for (const [path, bytes] of older) t.files.set(path, bytes);
    await refuses(t.fetch(), "FETCH_RELEASE_OLDER");
    assert.deepEqual((await t.fetch({ overrides: { allowOlder: true } })).overrides, ["older"]);
    await refuses(t.fetch(), "FETCH_RELEASE_OLDER");
  });

  it("notices when an archive changes its identity", async () => {
    await using t = await rig({ release: { Suite: "fixture", Codename: "one" } });
    await t.fetch();
    const renamed = { Suite: "fixture", Codename: "two" };
    const next = await fixtureArchive({ ...fixture, dateSeconds: dateSeconds + 60, release: renamed });
    for (const [path, bytes] of next) t.files.set(path, bytes);
    await refuses(t.fetch(), "FETCH_RELEASE_CHANGED", /"one" to "two"/);
    assert.deepEqual((await t.fetch({ overrides: { allowChanged: true } })).overrides, ["changed"]);
  });

  it("refuses an index with other bytes, whatever its name", async () => {
    const index = /Packages\.xz$|by-hash/;
    await using t = await rig({}, (path) => (index.test(path) ? { bytes: Buffer.from("evil") } : undefined));
    await refuses(t.fetch(), "FETCH_DIGEST_MISMATCH");
  });

  it("refuses an index that is larger than listed once it is open", async () => {
    const cut = (text: string): string => text.replace(/ +(\d+) (main\/binary-amd64\/Packages\n)/, " 10 $2");
    await using t = await rig({ editRelease: cut });
    await refuses(t.fetch(), "FORMATS_DECOMPRESS_LIMIT", /more than 10 bytes/);
  });

  it("refuses what is listed twice with different hashes, paths that leave, and no SHA256", async () => {
    const twice = await rig({ editRelease: (text) => `${text} ${"0".repeat(64)} 1 main/binary-amd64/Packages.xz\n` });
    await assert.rejects(twice.fetch(), { code: "DEBIAN_RELEASE_INVALID" });
    const leaving = await rig({ editRelease: (text) => `${text} ${"0".repeat(64)} 1 ../../etc/passwd\n` });
    await assert.rejects(leaving.fetch(), { code: "DEBIAN_RELEASE_INVALID" });
    const weak = await rig({ editRelease: (text) => text.replace("SHA256:", "MD5Sum:") });
    await assert.rejects(weak.fetch(), { code: "DEBIAN_RELEASE_INVALID" });
    for (const t of [twice, leaving, weak]) await t[Symbol.asyncDispose]();
  });

  it("says what an archive has where component or architecture is missing", async () => {
    await using t = await rig();
    await refuses(t.fetch({}, { source: { components: ["contrib"] } }), "FETCH_INDEX_MISSING", /components: main/);
  });

  it("falls back from by-hash to the plain path", async () => {
    await using t = await rig({}, (path) => (path.includes("by-hash") ? { status: 404 } : undefined));
    assert.equal((await t.fetch()).packages.size, 1);
  });

  it("works offline from a lock's release, and else says what is missing", async () => {
    await using t = await rig();
    const { releaseDigest } = await t.fetch();
    await refuses(t.fetch({}, { offline: true }), "FETCH_OFFLINE");
    const archive = await t.fetch({ pinned: { release: releaseDigest } }, { offline: true });
    assert.equal(archive.packages.get("amd64")?.[0]?.named("hello").length, 1);
  });

  it("refuses another release than the lock names", async () => {
    await using t = await rig();
    await refuses(t.fetch({ pinned: { release: digestOf("other") } }), "FETCH_RELEASE_GONE");
  });
});
