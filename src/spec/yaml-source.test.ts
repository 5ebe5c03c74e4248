// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import { readSpec } from "./index.ts";
import { faultsOf } from "./testing/faults-of.ts";

const head = "ashlar: image/v1\nname: x\nfrom: scratch\n";

/** Reads a hostile text; it must be refused in bounded time. Returns the first fault. */
async function refusal(text: string): Promise<string> {
  const started = performance.now();
  const [first] = await faultsOf("a.yaml", text);
  assert.ok(performance.now() - started < 5000, "takes too long");
  return first as string;
}

test("readSpec refuses anchors that multiply", async () => {
  const lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"];
  for (let i = 1; i < 12; i++)
    lines.push(
      `a${i}: &a${i} [${Array(10)
        .fill(`*a${i - 1}`)
        .join(", ")}]`,
    );
  assert.match(await refusal(`${head}${lines.join("\n")}\n`), /more than 100000 values, anchors counted/);
});

test("readSpec refuses ten thousand lines of anchors on anchors", async () => {
  const lines = ["a0: &a0 [x]"];
  for (let i = 1; i < 10_000; i++) lines.push(`a${i}: &a${i} [*a${i - 1}, *a${i - 1}]`);
  assert.match(await refusal(`${head}${lines.join("\n")}\n`), /more than 100000 values/);
});

test("readSpec refuses an anchor that contains itself and one that does not exist", async () => {
  assert.match(await refusal(`${head}app: &a [*a]\n`), /nested more than 64 deep/);
  assert.match(await refusal(`${head}app: *gone\n`), /there is no anchor "&gone" before it/);
});

test("readSpec refuses deep nesting of every kind", async () => {
  const all = await faultsOf("a.yaml", `${head}app: ${"[".repeat(100)}${"]".repeat(100)}\n`);
  assert.match(all.join("\n"), /nested more than 64 deep/);
  for (const open of ["[", "{a: ", "- ", "? "]) {
    assert.match(await refusal(`${head}app:\n  ${open.repeat(50_000)}`), /Cannot (read YAML|use)/);
  }
});

test("readSpec refuses hundreds of thousands of keys in time", async () => {
  const keys = Array.from({ length: 120_000 }, (_, i) => `k${i}:`).join("\n");
  assert.match(await refusal(`${head}${keys}\n`), /more than 100000 values/);
  assert.match(await refusal(`${head}${"a:\n".repeat(90_000)}`), /this key occurs twice|it is unknown/);
});

test("readSpec refuses a text above its bound and shows no endless lines", async () => {
  assert.match(await refusal("#".repeat((1 << 20) + 1)), /characters, want 1048576 at most/);
  await assert.rejects(readSpec({ file: "a.yaml", text: `${head}x: ${"y".repeat(500_000)}\n` }), (error: Error) => {
    assert.ok(JSON.stringify(error).length < 5000);
    return true;
  });
});

test("readSpec takes keys that name parts of every object as plain names", async () => {
  const text = `${head}config: { labels: { constructor: a, toString: b, hasOwnProperty: c } }\n`;
  const { document } = await readSpec({ file: "a.yaml", text });
  assert.deepEqual(Object.keys((document.ashlar === "image/v1" && document.config.labels) || {}), [
    "constructor",
    "hasOwnProperty",
    "toString",
  ]);
  for (const key of ["constructor", "toString", "__proto__"]) {
    assert.match(await refusal(`${head}${key}: {}\n`), /it is unknown|not allowed/);
  }
});

test("readSpec reads texts alike whatever their line ends and byte order mark", async () => {
  const text = `${head}app: [{ write: { to: /a, text: b } }]\n`;
  const unix = await readSpec({ file: "a.yaml", text });
  const dos = await readSpec({ file: "a.yaml", text: `\uFEFF${text.replaceAll("\n", "\r\n")}` });
  assert.deepEqual(dos.document, unix.document);
  const [fault] = await faultsOf("a.yaml", `${head.replaceAll("\n", "\r\n")}x: 1\r\n`);
  assert.match(fault as string, /^4:1 /);
});
