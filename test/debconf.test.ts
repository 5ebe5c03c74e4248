// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";

import { findUnanswered } from "../src/assemble/debconf/unanswered.ts";
import { debconfSelections } from "../src/assemble/index.ts";
import { makePackage, memoryContents } from "../src/assemble/testing/make-package.ts";
import { fixedEnvironment } from "../src/sandbox/index.ts";
import { missing, must } from "./programs.ts";

const skip = missing(["debconf-set-selections", "debconf-show"], false);
const dir = mkdtempSync(join(tmpdir(), "ashlar-debconf-"));
after(() => rmSync(dir, { recursive: true, force: true }));

const templates = `Template: tool/mode
Type: select
Choices: fast, safe\\, slow
Default: fast
Description: How to work?

Template: tool/realm
Type: string
Description: Realm of \${host}:

Template: tool/secret
Type: password
Description: Password:

Template: tool/quiet
Type: string
Description: Asked at low priority
`;

/** Asks all questions as a maintainer script does, with databases of the test's own. */
const script = `#!/bin/sh
. /usr/share/debconf/confmodule
db_subst tool/realm host localhost
db_input high tool/mode || true
db_input high tool/realm || true
db_input critical tool/secret || true
db_input low tool/quiet || true
db_go || true
`;

const system = `Config: config
Templates: templates

Name: plain
Driver: File
Mode: 644
Reject-Type: password
Filename: ${dir}/config.dat

Name: passwords
Driver: File
Mode: 600
Accept-Type: password
Filename: ${dir}/passwords.dat

Name: config
Driver: Stack
Stack: plain, passwords

Name: templates
Driver: File
Mode: 644
Filename: ${dir}/templates.dat
`;

test("debconf takes our selections, and findUnanswered reads what it wrote down", { skip }, () => {
  const env = { ...fixedEnvironment, HOME: dir, DEBCONF_SYSTEMRC: join(dir, "debconf.conf") };
  const texts = { "debconf.conf": system, "tool.templates": templates, "tool.postinst": script };
  for (const [name, text] of Object.entries(texts)) {
    writeFileSync(join(dir, name), text, { mode: 0o755 });
  }
  const contents = memoryContents();
  const tool = makePackage("tool", { control: { templates } }, contents);
  const answers = { "tool/mode": "safe, slow" };
  const input = debconfSelections(answers, [tool], contents);
  const set = spawnSync("debconf-set-selections", ["-v"], { env, input, encoding: "utf8" });
  assert.equal(set.status, 0, set.stderr);
  must(join(dir, "tool.postinst"), ["configure"], env);
  const read = (name: string): Uint8Array => readFileSync(join(dir, `${name}.dat`));
  const files = { config: read("config"), passwords: read("passwords"), templates: read("templates") };
  assert.deepEqual(findUnanswered(files, answers), [
    { name: "tool/realm", type: "string", description: "Realm of localhost:", owners: ["tool"] },
    { name: "tool/secret", type: "password", description: "Password:", owners: ["tool"] },
  ]);
  assert.match(must("debconf-show", ["tool"], env), /\* tool\/mode: safe, slow\n/);
});
