// SPDX-License-Identifier: Apache-2.0
/** `sh tools/run src/spec/testing/write-schema.ts`: brings docs/schema up to date. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { jsonSchema } from "../index.ts";

const dir = join(import.meta.dirname, "../../../docs/schema");
mkdirSync(dir, { recursive: true });
for (const kind of ["image", "fleet"] as const) {
  writeFileSync(join(dir, `${kind}.v1.json`), `${JSON.stringify(await jsonSchema(`${kind}/v1`), null, 2)}\n`);
}
