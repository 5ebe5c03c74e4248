// SPDX-License-Identifier: Apache-2.0
import { writeSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

import { loadCompressor } from "../../src/formats/index.ts";
import { openStore } from "../../src/store/index.ts";
import type { RoundDone } from "./builder-work.ts";

/** Collects garbage again and again: `STORE PAUSE_MS ROUNDS GRACE_MS`. */
const [dir = "", pauseMs = "", rounds = "", graceMs = ""] = process.argv.slice(2);
const compressor = await loadCompressor();
for (let round = 0; round < Number(rounds); round++) {
  const store = openStore(dir, { compressor });
  const start = performance.now();
  const grace = graceMs === "0" ? undefined : { ms: Number(graceMs), nowMs: Date.now() };
  const { removedContents } = store.gc({ waitMs: 60_000, grace });
  const timeMs = Math.round(performance.now() - start);
  store.close();
  const done: RoundDone = { timeMs, removedContents };
  writeSync(1, `${JSON.stringify(done)}\n`);
  await sleep(Number(pauseMs));
}
