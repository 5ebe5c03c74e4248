// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";

import { memoryPlace } from "./memory-place.ts";
import { testPlace } from "./place.contract.ts";
import { openSource, openTarget, targetKinds } from "./place-kinds.ts";

const root = mkdtempSync(join(tmpdir(), "ashlar-places-"));
after(() => rmSync(root, { recursive: true }));
let count = 0;

testPlace({
  name: "memoryPlace",
  keepsManifests: true,
  make: () => {
    const place = memoryPlace();
    return { target: place, source: () => place };
  },
});

for (const kind of targetKinds) {
  testPlace({
    name: kind,
    keepsManifests: kind !== "docker-archive",
    make: () => {
      const path = join(root, String(count++));
      return { target: openTarget(kind, path), source: () => openSource(kind, path) };
    },
  });
}
