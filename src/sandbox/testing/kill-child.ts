// SPDX-License-Identifier: Apache-2.0
/** Runs something long, for a test that kills us: `kill-child.ts STOREDIR BACKEND MARK`. */
import { loadCompressor } from "../../formats/index.ts";
import { openStore } from "../../store/index.ts";
import { defaultLimits } from "../limits.ts";
import { openSandbox } from "../open-sandbox.ts";
import type { SandboxBackend } from "../sandbox.ts";
import { hostRoot } from "./host-root.ts";
import { platform } from "./place.ts";

const [, , dir = "", backend = "", mark = ""] = process.argv;
const store = openStore(dir, { compressor: await loadCompressor() });
const script = `trap '' TERM INT HUP; setsid sleep ${mark} & echo ready; sleep ${mark}; sleep ${mark}`;
await openSandbox({ store, backend: backend as SandboxBackend }).run({
  root: hostRoot(store),
  platform,
  command: { argv: ["sh", "-c", script] },
  limits: defaultLimits,
  pack: store.beginPack(),
  onOutput: (bytes) => void process.stdout.write(bytes),
});
