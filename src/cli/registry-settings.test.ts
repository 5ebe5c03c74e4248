// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";

import { isAshlarError } from "../base/index.ts";
import { networkOf } from "./network.ts";
import { registrySettings } from "./registry-settings.ts";
import { processShell, type Shell } from "./shell.ts";

const dir = mkdtempSync(join(tmpdir(), "ashlar-settings-"));
after(() => rmSync(dir, { recursive: true, force: true }));

function shellWith(env: Shell["env"]): Shell {
  return { ...processShell(), env: { HOME: dir, XDG_RUNTIME_DIR: dir, ...env }, cwd: dir };
}

function refusal(code: string): (error: unknown) => boolean {
  return (error) => isAshlarError(error, code) && !error.message.includes("secret");
}

test("a proxy without a scheme is http, and what is no address is refused without being shown", () => {
  const proxies = (env: Shell["env"]) => networkOf(shellWith(env)).proxies;
  assert.equal(proxies({ http_proxy: "proxy.example:3128" }).http, "http://proxy.example:3128");
  assert.equal(proxies({ HTTPS_PROXY: "https://u:p@proxy.example" }).https, "https://u:p@proxy.example");
  assert.deepEqual(proxies({ http_proxy: "" }), { http: undefined, https: undefined, no: undefined });
  for (const text of ["http://u:secret@", "ftp://u:secret@proxy.example", "u:secret@proxy:99999"]) {
    assert.throws(() => proxies({ http_proxy: text }), refusal("USAGE_PROXY"), text);
  }
});

test("a file that ASHLAR_REGISTRIES names must be there, the usual one need not", () => {
  assert.deepEqual(registrySettings(shellWith({})).insecure, []);
  const absent = shellWith({ ASHLAR_REGISTRIES: "absent.json" });
  assert.throws(() => registrySettings(absent), refusal("USAGE_REGISTRIES_FILE"));
  writeFileSync(join(dir, "own.json"), JSON.stringify({ insecure: ["lan:5000"] }));
  assert.deepEqual(registrySettings(shellWith({ ASHLAR_REGISTRIES: "own.json" })).insecure, ["lan:5000"]);
});

test("login files that cannot be there are passed over", async () => {
  writeFileSync(join(dir, "file"), "");
  const { credentials } = registrySettings(shellWith({ DOCKER_CONFIG: join(dir, "file") }));
  assert.equal(await credentials?.("registry.example", "app"), undefined);
});
