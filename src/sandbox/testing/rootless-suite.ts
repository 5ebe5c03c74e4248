// SPDX-License-Identifier: Apache-2.0
/** The contracts of a real backend as whoever runs this with `node --test`: BACKEND, and HOME for the store. */
import { join } from "node:path";
import { after } from "node:test";

import { loadCompressor } from "../../formats/index.ts";
import { openStore } from "../../store/index.ts";
import { hostSandboxContract } from "../host-sandbox.contract.ts";
import { hostileContract } from "../hostile.contract.ts";
import type { SandboxBackend } from "../sandbox.ts";

const store = openStore(join(process.env["HOME"] ?? "", "store"), { compressor: await loadCompressor() });
after(() => store.close());
const backend = process.env["BACKEND"] as SandboxBackend;
hostSandboxContract(backend, store);
// How much of the machine one may take is enough for one: what they differ in there is proved with root.
hostileContract(backend, store, { greedy: backend === "bwrap" });
