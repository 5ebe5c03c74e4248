// SPDX-License-Identifier: Apache-2.0
/** A process of its own for the tests of several at once: `store-child.ts VERB STOREDIR`. */
import { writeSync } from "node:fs";
import { parentPort, workerData } from "node:worker_threads";

import { loadCompressor } from "../../formats/index.ts";
import { openStore } from "../disk-store.ts";
import { sample } from "./sample.ts";

/** The contents that every child puts, twenty packs of them. */
export function childContents(pack: number): Buffer[] {
  return Array.from({ length: 10 }, (_, i) => sample(pack * 100 + i, 2000 + i));
}

async function putAll(dir: string): Promise<void> {
  const store = openStore(dir, { compressor: await loadCompressor() });
  for (let i = 0; i < 20; i++) {
    const pack = store.beginPack();
    for (const bytes of childContents(i)) pack.put(bytes);
    pack.commit();
    store.putAction({ operation: "test", version: 1, inputs: [], parameters: i }, { value: i, reaches: {} });
    store.setRef(`record/${i}`, store.putRecord(i, {}));
  }
  store.close();
}

/** Says "ready" in the middle of a pack, larger than what is kept in memory, and waits to be killed. */
async function hang(dir: string): Promise<void> {
  const store = openStore(dir, { compressor: await loadCompressor() });
  const pack = store.beginPack();
  for (let i = 0; i < 40; i++) pack.put(sample(9000 + i, 100_000));
  writeSync(1, "ready\n");
  setInterval(() => pack.put(Buffer.from("x")), 1000);
}

const [verb, dir] = (process.argv[1] === import.meta.filename ? process.argv.slice(2) : []) as (string | undefined)[];
if (parentPort !== null) await putAll((workerData as { dir: string }).dir);
else if (verb === "put") await putAll(dir as string);
else if (verb === "hang") await hang(dir as string);
