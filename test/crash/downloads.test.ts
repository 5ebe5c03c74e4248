// SPDX-License-Identifier: Apache-2.0
// Keeps the promise (P7) that nothing is downloaded twice by processes that want it at the same time.
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { digestOf } from "../../src/base/index.ts";
import { startTestRegistry, type TestRegistry } from "../../src/registry/testing/test-registry.ts";
import { openStore } from "../../src/store/index.ts";
import { makeFixture } from "../fixture.ts";
import { build, type BuildPlace, makePlace } from "../run-build.ts";
import { type Ended, type Running, startAshlar, startScript } from "./child.ts";
import { type CountingServer, serveSlowly } from "./counting-server.ts";

const base = mkdtempSync(join(tmpdir(), "ashlar-downloads-"));
after(() => rmSync(base, { recursive: true, force: true }));
const fixture = await makeFixture();
const at: BuildPlace = makePlace(fixture, base);
const images = await build(at);

let stores = 0;
const newStore = (): string => join(base, `store-${stores++}`);

/** Files of different sizes, and the list that `fetch-child.ts` reads. */
function someFiles(count: number, sizeBytes: number): { files: ReadonlyMap<string, Uint8Array>; list: string } {
  const numbers = Array.from({ length: count }, (_, i) => i);
  const files = new Map(numbers.map((i) => [`pool/${i}.deb`, Buffer.alloc(sizeBytes + 997 * i, `file ${i} `)]));
  const wanted = [...files].map(([path, bytes]) => ({ path, digest: digestOf(bytes), sizeBytes: bytes.length }));
  const list = join(base, `list-${count}-${sizeBytes}.json`);
  writeFileSync(list, JSON.stringify(wanted));
  return { files, list };
}

function verifyOnce(server: CountingServer, files: ReadonlyMap<string, Uint8Array>): void {
  const expected = [...files].map(([path, bytes]) => ({ path, offset: 0, bytes: bytes.length }));
  const byPath = (a: { path: string }, b: { path: string }): number => (a.path < b.path ? -1 : 1);
  assert.deepEqual([...server.sent].sort(byPath), expected.sort(byPath));
}

function mustEnd({ status, err }: Ended): void {
  assert.equal(status, 0, err);
}

async function all(running: readonly Running[]): Promise<readonly Ended[]> {
  const ended = await Promise.all(running.map((one) => one.ended));
  ended.forEach(mustEnd);
  return ended;
}

test("six processes that want the same files fetch each of them once, some each", async () => {
  const { files, list } = someFiles(30, 60_000);
  const server = await serveSlowly(files, { pieceBytes: 20_000, pauseMs: 10 });
  const store = newStore();
  const children = Array.from({ length: 6 }, () => {
    return startScript("test/crash/fetch-child.ts", [store, server.base, list]);
  });
  const shares = (await all(children)).map(({ out }) => (JSON.parse(out) as string[]).length);
  await server.close();
  verifyOnce(server, files);
  assert.equal(shares.reduce((sum, share) => sum + share, 0), files.size);
  assert.ok(shares.filter((share) => share > 0).length >= 2, `shares: ${shares.join(" ")}`);
});

test("when one dies in the middle, the next goes on at the byte where it stopped", async () => {
  const { files, list } = someFiles(1, 500_000);
  let stallAt = 200_000;
  const server = await serveSlowly(files, { pieceBytes: 50_000, pauseMs: 5, stallAt: () => stallAt });
  const dir = newStore();
  const args = [dir, server.base, list];
  const first = startScript("test/crash/fetch-child.ts", args);
  const part = (): number => {
    const store = openStore(dir);
    const path = `${store.downloadPath(digestOf(files.get("pool/0.deb") as Uint8Array))}.part`;
    store.close();
    return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  };
  while (part() < stallAt) await sleep(20);
  const others = [0, 1].map(() => startScript("test/crash/fetch-child.ts", args));
  await sleep(700);
  assert.equal(server.sent.length, 1, "the others wait");
  stallAt = 500_000;
  first.process.kill("SIGKILL");
  await first.ended;
  const shares = (await all(others)).map(({ out }) => (JSON.parse(out) as string[]).length);
  await server.close();
  assert.deepEqual(shares.toSorted(), [0, 1]);
  assert.equal(server.sent.length, 2);
  assert.equal(server.sent[1]?.offset, 200_000);
});

test("four builds from one empty store fetch each package once and make one digest", async () => {
  const server = await serveSlowly(fixture.archive, { pieceBytes: 1 << 20, pauseMs: 20 });
  const store = newStore();
  const args = ["build", at.project, "--frozen", "--json", `--store=${store}`];
  const env = { HOME: at.base, ASHLAR_MIRROR: server.base };
  const ended = await all(Array.from({ length: 4 }, () => startAshlar(args, { cwd: at.base, env })));
  await server.close();
  const digests = ended.map(({ out }) => JSON.stringify(digestsOf(out)));
  assert.deepEqual([...new Set(digests)], [JSON.stringify(images.map(({ digest }) => digest))]);
  const locked = new Set(fixture.lock.images.flatMap(({ packages }) => packages.map(({ filename }) => filename)));
  verifyOnce(server, new Map([...fixture.archive].filter(([path]) => locked.has(path))));
  const mustBeWhole = openStore(store);
  assert.deepEqual(mustBeWhole.fsck({ full: true }).faults, []);
  mustBeWhole.close();
});

function digestsOf(out: string): readonly string[] {
  return (JSON.parse(out) as { images: { digest: string }[] }).images.map(({ digest }) => digest);
}

/** How often each part of each blob was asked for. */
function blobRequests(registry: TestRegistry): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { method, path, headers } of registry.requests) {
    if (method !== "GET" || !path.includes("/blobs/")) continue;
    const key = `${path} ${String(headers["range"])}`;
    counts[key] = (counts[key] ?? 0) + 1;
  }
  return counts;
}

for (const [form, compression] of [["file by file", "zstd:chunked"], ["by whole layers", "gzip"]] as const) {
  test(`two pulls of one image at the same time fetch what one fetches, ${form}`, async () => {
    await using registry = await startTestRegistry();
    const built = await build(at, { args: ["--image", "web", "--compression", compression] });
    const { name, platforms } = built.at(-1) as (typeof built)[number];
    const ref = `${registry.host}/team/web:1`;
    const env = { HOME: at.base };
    await all([startAshlar(["push", name, ref, `--store=${at.store}`], { cwd: at.base, env })]);
    registry.options = { mischief: () => ({ delayMs: 40 }) };
    const pull = (store: string): Running => {
      return startAshlar(["pull", ref, "--platform", "all", `--store=${store}`], { cwd: at.base, env });
    };
    registry.requests.length = 0;
    const [alone] = await all([pull(newStore())]);
    const expected = blobRequests(registry);
    registry.requests.length = 0;
    const store = newStore();
    const both = await all([pull(store), pull(store)]);
    // Each process reads the configs, which name what it then looks for.
    const configs = new Set(platforms.map(({ config }) => config));
    const seen = blobRequests(registry);
    for (const [key, count] of Object.entries(seen)) {
      const most = [...configs].some((config) => key.includes(config)) ? 2 : 1;
      assert.ok(count <= most * (expected[key] ?? 0), `${key}: ${count} times, alone ${expected[key]}`);
    }
    assert.deepEqual(Object.keys(seen).sort(), Object.keys(expected).sort());
    assert.equal(both[0]?.out, alone?.out);
    assert.equal(both[1]?.out, alone?.out);
    const waits = /wait for layer sha256:.*: process \d+ \(node main.ts pull /;
    assert.ok(both.some(({ err }) => waits.test(err)), both[0]?.err);
  });
}

test("a store keeps no partial download when all is done", () => {
  const left = readdirSync(base, { recursive: true, encoding: "utf8" }).filter((path) => path.endsWith(".part"));
  assert.deepEqual(left, []);
  assert.ok(readFileSync(join(base, "store-0/format"), "utf8").startsWith("ashlar store"));
});
