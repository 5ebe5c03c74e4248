// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";

import { digestOf, hexOf } from "../base/index.ts";
import { openFetcher } from "./fetcher.ts";
import { fetchSourceFiles } from "./source-files.ts";
import { makeTestArea } from "./testing/download-dir.ts";
import { content, fails, makeFetcherRig } from "./testing/fetcher-rig.ts";

const digest = digestOf(content);

test("fetchSourceFiles fetches a file of unknown size by its address, once for two wishes", async () => {
  await using rig = await makeFetcherRig(() => ({ bytes: content }));
  const wish = { url: `${rig.server.base}pool/a.tar?download=1`, digest };
  const paths = await fetchSourceFiles(rig.fetcher, [wish, wish], rig.area);
  assert.deepEqual(readFileSync(paths.get(digest) as string), content);
  await fetchSourceFiles(rig.fetcher, [wish], rig.area);
  assert.deepEqual(
    rig.server.requests.map(({ path }) => path),
    ["pool/a.tar?download=1"],
  );
});

test("fetchSourceFiles resumes what broke off, also where nothing of it is left to fetch", async () => {
  await using rig = await makeFetcherRig((_path, earlier) =>
    earlier === 0 ? { cutAfterBytes: 100_000 } : {},
  );
  const wish = { url: `${rig.server.base}pool/a.deb`, digest };
  await fetchSourceFiles(rig.fetcher, [wish], rig.area);
  assert.deepEqual(readFileSync(rig.area.downloadPath(digest)), content);
  assert.match(rig.server.requests[1]?.range ?? "", /^bytes=\d+-$/);
  const whole = { status: 416, headers: { "content-range": `bytes */${content.length}` } };
  await using done = await makeFetcherRig(() => whole);
  writeFileSync(`${done.area.downloadPath(digest)}.part`, content);
  await fetchSourceFiles(done.fetcher, [{ ...wish, url: `${done.server.base}pool/a.deb` }], done.area);
  assert.deepEqual(readFileSync(done.area.downloadPath(digest)), content);
});

test("fetchSourceFiles refuses other bytes and leaves no file behind", async () => {
  await using rig = await makeFetcherRig();
  const wrong = digestOf("other");
  const wish = { url: `${rig.server.base}pool/a.deb`, digest: wrong };
  await assert.rejects(
    fetchSourceFiles(rig.fetcher, [wish], rig.area),
    fails("FETCH_DIGEST_MISMATCH", /have digest/),
  );
  assert.deepEqual(rig.area.names(), []);
});

test("fetchSourceFiles says what is wrong with an address", async () => {
  await using rig = await makeFetcherRig();
  for (const url of ["ftp://a.example/x", "a/b.tar", "http://a.example/", "data:,x"]) {
    await assert.rejects(
      fetchSourceFiles(rig.fetcher, [{ url, digest }], rig.area),
      fails("FETCH_ADDRESS_INVALID"),
    );
  }
  const absent = { url: `${rig.server.base}no`, digest };
  await assert.rejects(
    fetchSourceFiles(rig.fetcher, [absent], rig.area),
    fails("FETCH_NOT_FOUND", /no such file/),
  );
});

test("fetchSourceFiles offline names all that is missing, and takes files of this machine", async () => {
  await using rig = await makeFetcherRig(undefined, { offline: true });
  const far = ["a", "b"].map((name) => ({ url: `${rig.server.base}${name}`, digest: digestOf(name) }));
  await assert.rejects(
    fetchSourceFiles(rig.fetcher, far, rig.area),
    fails("FETCH_OFFLINE", /source a, source b/),
  );
  using here = makeTestArea();
  const path = join(here.dir, "x y.tar");
  writeFileSync(path, content);
  const paths = await fetchSourceFiles(rig.fetcher, [{ url: pathToFileURL(path).href, digest }], rig.area);
  assert.equal(hexOf(digestOf(readFileSync(paths.get(digest) as string))), hexOf(digest));
});

test("fetchSourceFiles refuses a file above its bound before it fills the disk", async () => {
  await using rig = await makeFetcherRig(() => ({ chunked: true }));
  const fetcher = openFetcher({ area: rig.area, retryDelayMs: 1 });
  const url = new URL(`${rig.server.base}pool/a.deb`);
  await assert.rejects(
    fetcher.file({ name: "a", digest, url, sizeBytesMax: 1000 }),
    fails("FETCH_DIGEST_MISMATCH", /more than 1000 bytes/),
  );
  await fetcher.close();
});
