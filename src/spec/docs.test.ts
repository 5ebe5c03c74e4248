// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { documentDigest, readSpec } from "./index.ts";
import { imageShape } from "./shape.ts";
import { shapesAt } from "./shape-at.ts";
import { faultsOf } from "./testing/faults-of.ts";

const page = readFileSync(join(import.meta.dirname, "../../docs/spec.md"), "utf8");
const blocks = [...page.matchAll(/^```(\w+)( fails)?\n([\s\S]*?)^```$/gm)].map(([, form, fails, text]) => ({
  form: form as string,
  fails: fails !== undefined,
  text: text as string,
}));

/** A part of a spec is read below the fields it needs. */
function whole(text: string): string {
  if (text.startsWith("ashlar:")) return text;
  return `ashlar: image/v1\nname: x\n${/^from:/m.test(text) ? "" : "from: debian:bookworm\n"}${text}`;
}

const good = blocks.filter(({ form, fails }) => (form === "yaml" || form === "ts") && !fails);

good.forEach(({ form, text }, i) => {
  test(`docs/spec.md: example ${i + 1} (${form}) is a spec`, async () => {
    await readSpec({ file: `docs/example.${form}`, text: form === "yaml" ? whole(text) : text });
  });
});

test("docs/spec.md: both forms of the first example are one document", async () => {
  const [yaml, ts] = good;
  const fromYaml = await readSpec({ file: "a.yaml", text: yaml?.text as string });
  const fromTs = await readSpec({ file: "a.ts", text: ts?.text as string });
  assert.equal(documentDigest(fromYaml.document), documentDigest(fromTs.document));
});

test("docs/spec.md: the faults shown are the faults found", async () => {
  const at = blocks.findIndex(({ fails }) => fails);
  const found = await faultsOf("a.yaml", whole(blocks[at]?.text as string));
  assert.equal(blocks[at + 1]?.text, `${found.join("\n")}\n`);
});

test("docs/spec.md: every key of an image stands in an example", () => {
  const examples = good.map(({ text }) => text).join("\n");
  const paths = [
    [],
    ["system"],
    ["users", "x"],
    ["app", 0],
    ["config"],
    ["config", "healthcheck"],
    ["expect"],
    ["lifecycle"],
    ["layers"],
    ["from"],
    ["from", "sources", 0],
    ["app", 0, "copy"],
    ["app", 0, "write"],
    ["app", 0, "dir"],
    ["app", 0, "link"],
    ["app", 0, "output"],
    ["system", "run", 0],
    ["steps", "x"],
    ["steps", "x", "sources", 0],
  ];
  const missing = paths
    .flatMap((path) => shapesAt.keys(imageShape, path))
    .filter((key) => !new RegExp(`\\b${key}:`).test(examples));
  assert.deepEqual(missing, []);
});
