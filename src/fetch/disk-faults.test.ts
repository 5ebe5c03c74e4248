// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { openFetcher } from "./fetcher.ts";
import { fails, makeFetcherRig } from "./testing/fetcher-rig.ts";

test("a disk that takes no download is the store's fault, not the network's", async () => {
  await using rig = await makeFetcherRig();
  writeFileSync(join(rig.area.dir, "file"), "");
  const area = { ...rig.area, downloadPath: () => join(rig.area.dir, "file/below/a.deb") };
  const fetcher = openFetcher({ area });
  await assert.rejects(fetcher.content(rig.request()), fails("STORE_IO", /^Cannot write download of a\.deb: /));
  await fetcher.close();
});

test("a file on a disk that cannot be read is asked for again, and is then not to be had", async () => {
  await using rig = await makeFetcherRig();
  // The first byte of an address space is mapped nowhere: reading it gives EIO.
  const { digest } = rig.request();
  const request = { name: "mem", digest, url: new URL("file:///proc/self/mem"), sizeBytesMax: 9 };
  await assert.rejects(rig.fetcher.file(request), fails("FETCH_FAILED", /EIO/));
  assert.equal(rig.events.filter(({ kind }) => kind === "retry").length, 3);
});
