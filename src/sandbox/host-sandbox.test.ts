// SPDX-License-Identifier: Apache-2.0
import { after } from "node:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { loadCompressor } from "../formats/index.ts";
import { openStore } from "../store/index.ts";
import { hostSandboxContract } from "./host-sandbox.contract.ts";

const dir = mkdtempSync(join(tmpdir(), "ashlar-test-"));
const store = openStore(join(dir, "store"), { compressor: await loadCompressor() });
after(() => {
  store.close();
  rmSync(dir, { recursive: true, force: true });
});
const only = process.env["ONLY"];
for (const backend of ["crun", "runc", "bwrap"] as const)
  if (!only || only === backend) hostSandboxContract(backend, store);
