// SPDX-License-Identifier: Apache-2.0
/** Keeps P12: a store gives the same on every file system, and files are copied where links cannot reach. */
import { tmpdir } from "node:os";
import { test } from "node:test";

import { whyNoDisks } from "./disks.ts";
import { liveOn, makeLife } from "./file-systems.ts";

const skip = whyNoDisks(tmpdir());
const life = await makeLife();

for (const kind of ["ext4-1k", "overlay"] as const) {
  test(`a store leads its whole life on ${kind}`, { skip }, () => liveOn(life, kind));
}
