// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { initSpec } from "./index.ts";
import type { FleetSource, ImageSource } from "./define.ts";
import type { FleetInput, ImageInput } from "./shape.ts";
import { twins } from "./testing/twins.ts";

const root = join(import.meta.dirname, "../..");

/** Compiles specs as a user's editor does; gives one line for each error. */
function compile(specs: Readonly<Record<string, string>>): string[] {
  const dir = mkdtempSync(join(tmpdir(), "ashlar-define-"));
  try {
    for (const [name, text] of Object.entries(specs)) writeFileSync(join(dir, name), text);
    const compilerOptions = {
      target: "es2024",
      module: "esnext",
      moduleResolution: "bundler",
      strict: true,
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
      noEmit: true,
      allowImportingTsExtensions: true,
      types: [],
      skipLibCheck: true,
      paths: { ashlar: [join(root, "src/spec/define.ts")] },
    };
    writeFileSync(join(dir, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["*.ts"] }));
    const args = [join(root, "node_modules/typescript/bin/tsc"), "-p", dir, "--pretty", "false"];
    const { stdout } = spawnSync(process.execPath, args, { encoding: "utf8", cwd: dir });
    return stdout.split("\n").filter((line) => line.includes("error TS"));
  } finally {
    rmSync(dir, { recursive: true });
  }
}

const base = (fields: string): string =>
  `import { basedOn, copy, debian, dir, image, input, link, oci, output, scratch, step, write } from "ashlar";
export default image({ name: "x", from: scratch, ${fields} });
[basedOn, copy, debian, dir, input, link, oci, output, step, write];
`;

/** Each is one mistake. */
const mistakes: Readonly<Record<string, string>> = {
  "misspelt-key.ts": base("sytem: {}"),
  "mode-as-number.ts": base('app: [dir("/run/x", { mode: 755 })]'),
  "relative-target.ts": base('app: [copy("a", "srv")]'),
  "unknown-strip.ts": base('system: { strip: ["doc"] }'),
  "unknown-suite.ts": base("").replace("from: scratch", 'from: debian("bokworm")'),
  "unknown-platform.ts": base('platforms: ["linux/amd46"]'),
  "size-as-number.ts": base("expect: { maxSize: 40 }"),
  "unknown-source.ts": base("").replace("from: scratch", 'from: debian("bookworm", { sources: ["update"] })'),
  "step-without-command.ts": base('steps: { a: step({ outputs: "x" }) }'),
  "step-without-outputs.ts": base('steps: { a: { cmd: ["x"] } }'),
  "output-to-relative.ts": base('app: [output("a", "x", "usr/bin/x")]'),
  "source-by-file.ts": base(
    'steps: { a: step({ cmd: ["x"], outputs: "x", sources: [{ url: "file:///x", sha256: "" }] }) }',
  ),
  "timeout-in-ms.ts": base('steps: { a: step({ cmd: ["x"], outputs: "x", timeout: "5ms" }) }'),
  "answer-as-boolean.ts": base('system: { debconf: { "a/b": true } }'),
  "question-without-package.ts": base('system: { debconf: { b: "true" } }'),
  "run-of-nothing.ts": base('system: { run: [{ env: { A: "b" } }] }'),
  "base-by-tag.ts": base("").replace("from: scratch", 'from: oci("debian:12")'),
  "base-at-nowhere.ts": base("").replace("from: scratch", 'from: oci("a@sha256:b", { at: "/srv" })'),
  "default-not-a-choice.ts": base(
    'layers: { packages: 1 }, config: { author: input("a", { choices: ["x"], default: "y" }) }',
  ),
};

test("the types of the module ashlar take the target specs and the first specs, and refuse mistakes", () => {
  const good = Object.fromEntries(twins.map(({ ts }, i) => [`good-${i}.ts`, ts]));
  const first = {
    "init-image.ts": initSpec({ form: "ts", kind: "image" }),
    "init-fleet.ts": initSpec({ form: "ts", kind: "fleet" }),
  };
  const errors = compile({ ...good, ...first, "plain.ts": base(""), ...mistakes });
  assert.deepEqual(
    errors.filter((line) => !Object.keys(mistakes).some((name) => line.startsWith(name))),
    [],
  );
  for (const name of Object.keys(mistakes)) {
    assert.equal(errors.filter((line) => line.startsWith(name)).length, 1, `${name}: ${errors.join("\n")}`);
  }
});

/** Fails to compile where the types of the module say what the shape refuses. */
const typesFitShape: [
  (spec: ImageSource) => Pick<ImageInput, "ashlar">,
  (spec: FleetSource) => Pick<FleetInput, "ashlar">,
] = [(spec) => spec, (spec) => spec];

test("the types of the module ashlar are those that the shape takes", () => {
  assert.equal(typesFitShape.length, 2);
});
