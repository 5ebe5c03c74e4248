// SPDX-License-Identifier: Apache-2.0
import { checkoutContract } from "./checkout.contract.ts";
import { fetchTurnContract } from "./fetch-turn.contract.ts";
import { framePackContract } from "./frame-pack.contract.ts";
import { joinedContract } from "./joined.contract.ts";
import { memoryStore } from "./memory-store.ts";
import { storeContract } from "./store.contract.ts";

storeContract("memoryStore", () => memoryStore());
checkoutContract("memoryStore", () => memoryStore());
framePackContract("memoryStore", () => memoryStore());
joinedContract("memoryStore", () => memoryStore());
fetchTurnContract("memoryStore", () => memoryStore());
