// SPDX-License-Identifier: Apache-2.0
import { loadCompressor } from "../formats/index.ts";
import { checkoutContract } from "./checkout.contract.ts";
import { openStore } from "./disk-store.ts";
import { fetchTurnContract } from "./fetch-turn.contract.ts";
import { framePackContract } from "./frame-pack.contract.ts";
import { joinedContract } from "./joined.contract.ts";
import { storeContract } from "./store.contract.ts";
import type { Store } from "./store.ts";
import { freshDirs } from "./testing/fresh-dir.ts";

const freshDir = freshDirs();

async function make(): Promise<Store> {
  return openStore(freshDir(), { compressor: await loadCompressor() });
}

storeContract("openStore", make);
checkoutContract("openStore", make);
framePackContract("openStore", make);
joinedContract("openStore", make);
fetchTurnContract("openStore", make);
