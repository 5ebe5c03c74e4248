// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";

import { loadCompressor } from "../formats/index.ts";
import { checkoutContract } from "./checkout.contract.ts";
import { openStore } from "./disk-store.ts";
import { storeContract } from "./store.contract.ts";
import type { Store } from "./store.ts";

const dirs: string[] = [];
after(() => dirs.forEach((dir) => rmSync(dir, { recursive: true, force: true })));

async function make(): Promise<Store> {
  const dir = mkdtempSync(join(tmpdir(), "ashlar-store-"));
  dirs.push(dir);
  return openStore(join(dir, "store"), { compressor: await loadCompressor() });
}

storeContract("openStore", make);
checkoutContract("openStore", make);
