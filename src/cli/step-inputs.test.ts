// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";

import { isAshlarError } from "../base/index.ts";
import type { Shell } from "./shell.ts";
import { passSecrets, readSecrets } from "./step-inputs.ts";

const dir = mkdtempSync(join(tmpdir(), "ashlar-secrets-"));
after(() => rmSync(dir, { recursive: true, force: true }));
writeFileSync(join(dir, "key"), "from a file\n");
const shell = { cwd: dir, env: { TOKEN: "hunter2", EMPTY: "" } } as unknown as Shell;

test("readSecrets reads files and variables", () => {
  const values = readSecrets(shell, ["a=key", `b=${join(dir, "key")}`, "c=env:TOKEN"]);
  const texts = [...values].map(([name, bytes]) => [name, Buffer.from(bytes).toString()]);
  assert.deepEqual(texts, [
    ["a", "from a file\n"],
    ["b", "from a file\n"],
    ["c", "hunter2"],
  ]);
  assert.equal(readSecrets(shell, undefined).size, 0);
});

test("readSecrets refuses what names no file and no variable, and shows no value", () => {
  const wrong = ["hunter2", "=key", "a=", "a=none", "a=.", "a=env:NONE", "a=env:EMPTY"];
  for (const texts of [...wrong.map((text) => [text]), ["a=key", "a=env:TOKEN"]]) {
    assert.throws(
      () => readSecrets(shell, texts),
      (error) => isAshlarError(error, "USAGE_SECRET") && !`${error.message}${error.hint}`.includes("hunter2"),
      texts.join(),
    );
  }
});

test("passSecrets gives another process the same secrets, with no value among its arguments", () => {
  const { args, env } = passSecrets(shell, ["a=key", "c=env:TOKEN"]);
  assert.deepEqual(args, [`--secret=a=${join(dir, "key")}`, "--secret=c=env:TOKEN"]);
  assert.deepEqual(env, { TOKEN: "hunter2" });
  const elsewhere = { cwd: "/", env } as unknown as Shell;
  const again = readSecrets(
    elsewhere,
    args.map((text) => text.slice("--secret=".length)),
  );
  assert.deepEqual(again, readSecrets(shell, ["a=key", "c=env:TOKEN"]));
});
