// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { jsonSchema } from "./index.ts";

interface Schema {
  readonly [key: string]: unknown;
  readonly properties: Readonly<Record<string, Schema>>;
}

test("jsonSchema is what docs/schema holds", async () => {
  for (const kind of ["image", "fleet"] as const) {
    const path = join(import.meta.dirname, "../../docs/schema", `${kind}.v1.json`);
    const made = `${JSON.stringify(await jsonSchema(`${kind}/v1`), null, 2)}\n`;
    assert.equal(readFileSync(path, "utf8"), made, "run: sh tools/run src/spec/testing/write-schema.ts");
  }
});

test("jsonSchema refuses unknown keys, knows words, patterns and what fields are about", async () => {
  const schema = (await jsonSchema("image/v1")) as Schema;
  assert.equal(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
  assert.equal(schema["additionalProperties"], false);
  assert.deepEqual(schema["required"], ["ashlar", "name", "from"]);
  const system = schema.properties["system"] as Schema;
  assert.equal(system["description"], "Debian packages");
  assert.deepEqual(system.properties["install"]?.["enum"], ["unpack", "full"]);
  assert.match(JSON.stringify(system.properties["packages"]), /"pattern"/);
});
