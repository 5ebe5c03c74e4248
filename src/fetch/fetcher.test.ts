// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";

import { type AshlarError, digestOf, hexOf } from "../base/index.ts";
import { openFetcher } from "./fetcher.ts";
import { makeTestArea } from "./testing/download-dir.ts";
import { content, fails, makeFetcherRig, mirrorAt } from "./testing/fetcher-rig.ts";
import { type Mischief, serveMirror } from "./testing/mirror-server.ts";

describe("Fetcher.content", () => {
  it("stores the bytes under their digest, and asks nobody the second time", async () => {
    await using t = await makeFetcherRig();
    const path = await t.fetcher.content(t.request());
    assert.deepEqual(readFileSync(path), content);
    assert.equal(await t.fetcher.content(t.request()), path);
    assert.equal(t.server.requests.length, 1);
    assert.deepEqual(t.area.names(), [hexOf(digestOf(content))]);
    const received = t.events.reduce((sum, event) => sum + (event.kind === "bytes" ? event.bytes : 0), 0);
    assert.equal(received, content.length);
    assert.deepEqual(t.events.at(-1), { kind: "done", name: "a.deb", sizeBytes: content.length, cached: true });
  });

  it("resumes by Range where the connection was cut, and every byte comes once", async () => {
    await using t = await makeFetcherRig((_, earlier) => (earlier < 3 ? { cutAfterBytes: 70_000 } : undefined));
    assert.deepEqual(readFileSync(await t.fetcher.content(t.request())), content);
    const ranges = t.server.requests.map(({ range }) => range);
    assert.equal(ranges.length, 4);
    assert.equal(ranges[0], undefined);
    assert.ok(
      ranges.slice(1).every((range) => /^bytes=[1-9]\d*-$/.test(range ?? "")),
      String(ranges),
    );
  });

  it("goes on in a later run with what an earlier one left", async () => {
    let isBroken = true;
    await using t = await makeFetcherRig(
      (_, earlier) => (isBroken ? { cutAfterBytes: earlier === 0 ? 100_000 : 0 } : undefined),
      {
        tryCountMax: 2,
      },
    );
    await assert.rejects(t.fetcher.content(t.request()), fails("FETCH_FAILED"));
    assert.deepEqual(t.area.names(), [`${hexOf(digestOf(content))}.part`]);
    isBroken = false;
    assert.deepEqual(readFileSync(await t.fetcher.content(t.request())), content);
    assert.match(t.server.requests.at(-1)?.range ?? "", /^bytes=[1-9]/);
  });

  it("waits for who fetches the same, takes what came, and lets other downloads pass meanwhile", async () => {
    const other = Buffer.from("another file");
    await using t = await makeFetcherRig((path) => (path === "b.deb" ? { bytes: other } : undefined), { parallel: 1 });
    const digest = digestOf(content);
    const turn = t.area.beginFetch(digest);
    assert.equal(turn.kind, "ours");
    const waiting = t.fetcher.content(t.request());
    const more = { name: "b.deb", digest: digestOf(other), sizeBytes: other.length, paths: ["b.deb"] };
    await t.fetcher.content(t.request(more));
    writeFileSync(t.area.downloadPath(digest), content);
    if (turn.kind === "ours") turn.release();
    await waiting;
    assert.deepEqual(t.server.requests.map(({ path }) => path), ["b.deb"]);
    const waits = t.events.filter(({ kind }) => kind === "wait");
    assert.deepEqual(waits, [{ kind: "wait", name: "a.deb", text: "wait for a.deb: another one fetches it" }]);
  });

  it("starts from the beginning where what was left is wrong, and blames nobody", async () => {
    await using t = await makeFetcherRig();
    writeFileSync(`${t.area.downloadPath(digestOf(content))}.part`, Buffer.alloc(5000, "x"));
    assert.deepEqual(readFileSync(await t.fetcher.content(t.request())), content);
    assert.equal(t.server.requests.length, 2);
  });

  it("copes with servers that know no ranges, answer 416, or send another range", async () => {
    const tricks: Mischief[] = [
      { noRange: true },
      { status: 416 },
      { headers: { "content-range": `bytes 5-9/${content.length}` } },
    ];
    for (const trick of tricks) {
      await using t = await makeFetcherRig((_, earlier) => (earlier === 0 ? trick : undefined));
      writeFileSync(`${t.area.downloadPath(digestOf(content))}.part`, content.subarray(0, 5000));
      assert.deepEqual(readFileSync(await t.fetcher.content(t.request())), content, JSON.stringify(trick));
    }
  });

  it("waits as Retry-After says and tries again after 429 and 503", async () => {
    const headers = { "retry-after": "0" };
    await using t = await makeFetcherRig(
      (_, earlier) => ({ ...(earlier < 2 ? { status: earlier === 0 ? 429 : 503, headers } : {}) }),
      {
        retryDelayMs: 60_000,
      },
    );
    await t.fetcher.content(t.request());
    assert.equal(t.server.requests.length, 3);
    const delays = t.events.flatMap((event) => (event.kind === "retry" ? [event.delayMs] : []));
    assert.deepEqual(delays, [0, 0]);
  });

  it("refuses a longer and a shorter file without reading it to the end", async () => {
    for (const bytes of [Buffer.concat([content, Buffer.from("x")]), content.subarray(1)]) {
      for (const chunked of [true, false]) {
        await using t = await makeFetcherRig(() => ({ bytes, chunked }));
        await assert.rejects(t.fetcher.content(t.request()), fails("FETCH_DIGEST_MISMATCH", /300000/));
      }
    }
  });

  it("refuses wrong bytes of the right size, and never gives them the final name", async () => {
    const bytes = Buffer.from(content);
    bytes[1234] = 0;
    await using t = await makeFetcherRig(() => ({ bytes }));
    const expected = digestOf(content);
    await assert.rejects(
      t.fetcher.content(t.request()),
      fails("FETCH_DIGEST_MISMATCH", new RegExp(`want ${expected}`)),
    );
    assert.deepEqual(t.area.names(), []);
  });

  it("ends where a server cuts and sends wrong bytes for ever", async () => {
    const bytes = Buffer.alloc(content.length, "z");
    await using t = await makeFetcherRig((_, earlier) => ({
      bytes,
      ...(earlier % 2 === 0 ? { cutAfterBytes: 1000 } : {}),
    }));
    await assert.rejects(t.fetcher.content(t.request()), fails("FETCH_DIGEST_MISMATCH"));
    assert.ok(t.server.requests.length < 10, String(t.server.requests.length));
  });

  it("falls back to the next mirror, and names all of them when none has the file", async () => {
    await using bad = await makeFetcherRig(() => ({ status: 404 }));
    await using good = await makeFetcherRig();
    const mirrors = [mirrorAt(bad.server.base), mirrorAt(good.server.base)];
    assert.deepEqual(readFileSync(await good.fetcher.content(good.request({ mirrors }))), content);
    const none = [mirrorAt(bad.server.base), mirrorAt(`${bad.server.base}second/`)];
    const request = bad.request({ mirrors: none });
    await assert.rejects(bad.fetcher.content(request), (error: AshlarError) => {
      assert.equal(error.code, "FETCH_NOT_FOUND");
      assert.equal(error.because.length, 2);
      assert.match(error.because[1] ?? "", /second.*HTTP status 404/);
      return true;
    });
  });

  it("asks the second path where the first is not found", async () => {
    await using t = await makeFetcherRig();
    await t.fetcher.content(t.request({ paths: ["by-hash/x", "pool/a.deb"] }));
    assert.deepEqual(
      t.server.requests.map(({ path }) => path),
      ["by-hash/x", "pool/a.deb"],
    );
  });

  it("removes a damaged download and fetches it again", async () => {
    await using t = await makeFetcherRig();
    const path = t.area.downloadPath(digestOf(content));
    writeFileSync(path, Buffer.alloc(content.length));
    await t.fetcher.content(t.request());
    assert.deepEqual(readFileSync(path), content);
  });

  it("names what is missing offline, and uses what is there", async () => {
    await using t = await makeFetcherRig(undefined, { offline: true });
    await assert.rejects(t.fetcher.content(t.request()), fails("FETCH_OFFLINE", /a\.deb/));
    writeFileSync(t.area.downloadPath(digestOf(content)), content);
    await t.fetcher.content(t.request());
    assert.equal(t.server.requests.length, 0);
  });

  it("shares one download between callers and keeps to the number of parallel ones", async () => {
    const many = new Map(Array.from({ length: 12 }, (_, i) => [`f${i}`, Buffer.from(`file ${i}`)] as const));
    const server = await serveMirror(many, () => ({ delayMs: 10 }));
    using area = makeTestArea();
    const fetcher = openFetcher({ area, parallel: 3 });
    const requests = [...many].map(([name, bytes]) => ({
      name,
      digest: digestOf(bytes),
      sizeBytes: bytes.length,
      paths: [name],
      mirrors: [mirrorAt(server.base)],
    }));
    await Promise.all([...requests, ...requests].map((request) => fetcher.content(request)));
    assert.equal(server.requests.length, 12);
    assert.equal(server.openMax, 3);
    await fetcher.close();
    await server.close();
  });

  it("stops when the signal fires", async () => {
    const controller = new AbortController();
    await using t = await makeFetcherRig(() => ({ delayMs: 5000 }), { signal: controller.signal });
    setTimeout(() => controller.abort(), 20);
    await assert.rejects(t.fetcher.content(t.request()), fails("INTERRUPTED"));
  });

  it("gives up on a server that says nothing", async () => {
    await using t = await makeFetcherRig(() => ({ delayMs: 3000 }), { idleTimeoutMs: 50, tryCountMax: 1 });
    await assert.rejects(t.fetcher.content(t.request()), fails("FETCH_FAILED", /timeout/i));
  });

  it("reads file: mirrors and plain directories, also from the middle", async () => {
    await using t = await makeFetcherRig();
    mkdirSync(join(t.area.dir, "m/pool"), { recursive: true });
    writeFileSync(join(t.area.dir, "m/pool/a.deb"), content);
    const mirrors = [mirrorAt(`file://${t.area.dir}/m/`)];
    writeFileSync(`${t.area.downloadPath(digestOf(content))}.part`, content.subarray(0, 777));
    assert.deepEqual(readFileSync(await t.fetcher.content(t.request({ mirrors }))), content);
    const missing = t.request({ mirrors, paths: ["pool/b.deb", "pool"], digest: digestOf("b") });
    await assert.rejects(t.fetcher.content(missing), fails("FETCH_NOT_FOUND"));
  });

  it("refuses paths that leave the mirror", async () => {
    await using t = await makeFetcherRig();
    for (const path of ["../x", "/etc/passwd", "a/../../b", "http://127.0.0.1/x", "a//b", "a\\b", "", "x\n"]) {
      await assert.rejects(t.fetcher.content(t.request({ paths: [path] })), fails("FETCH_PATH_INVALID"), path);
    }
    assert.equal(t.server.requests.length, 0);
  });
});
