// SPDX-License-Identifier: Apache-2.0
import { rmSync, writeFileSync } from "node:fs";

import { makeFixture } from "../fixture.ts";
import { makePlace } from "../run-build.ts";
import { goldenPath, makeGolden } from "./golden.ts";

// Writes the golden digests anew. A change of them is a change of every image that anybody built: say why in CHANGELOG.
const fixture = await makeFixture();
const place = makePlace(fixture);
try {
  writeFileSync(goldenPath, `${JSON.stringify(await makeGolden(fixture, place), null, 2)}\n`);
  console.log(`wrote ${goldenPath}`);
} finally {
  rmSync(place.base, { recursive: true, force: true });
}
