// SPDX-License-Identifier: Apache-2.0
/** Keeps P3 for full disks: an error that says what helps, nothing lost, and garbage can be collected all the same. */
import assert from "node:assert/strict";
import { tmpdir } from "node:os";
import { after, before, test } from "node:test";

import { whyNoDisks } from "./disks.ts";
import { collectOnFull, type FullPlace, makeFullPlace, runFull } from "./full-disk.ts";

const skip = whyNoDisks(tmpdir());

for (const kind of ["ext4", "tmpfs"] as const) {
  let place: FullPlace | undefined;
  before(async () => {
    if (skip === undefined) place = await makeFullPlace(kind, 40);
  });
  after(() => place?.remove());

  test(`gc frees a ${kind} on which there is not one byte left`, { skip }, async () => {
    assert.ok((await collectOnFull(place as FullPlace)) > 1_000_000);
  });

  test(`gc frees a ${kind} on which a pack lies whose rows had no room in the index`, { skip }, async () => {
    for (const freeBytes of [0, 1_150_000]) {
      assert.ok((await collectOnFull(place as FullPlace, { contents: 20_000, freeBytes })) > 1_000_000);
    }
  });

  test(`a build on a full ${kind} ends in STORE_DISK_FULL and is done again with room`, { skip }, async () => {
    assert.equal(await runFull(place as FullPlace, "build", 2_000_000), "STORE_DISK_FULL");
    assert.equal(await runFull(place as FullPlace, "import", 0), "STORE_DISK_FULL");
    assert.equal(await runFull(place as FullPlace, "checkout", 600_000), "STORE_CHECKOUT_FAILED");
  });
}
