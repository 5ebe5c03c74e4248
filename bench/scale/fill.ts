// SPDX-License-Identifier: Apache-2.0
import { loadCompressor } from "../../src/formats/index.ts";
import { openStore } from "../../src/store/index.ts";
import { putVariant, readBase } from "./variants.ts";

/** Puts variants FROM to TO (not with it) into a store: `STORE FROM TO CHANGED [unnamed]`, in a process of its own. */
const [dir = "", from = "", to = "", changed = "", unnamed] = process.argv.slice(2);
const store = openStore(dir, { compressor: await loadCompressor() });
const bases = ["bench/r2", "bench/r3"].map((name) => readBase(store, name));
for (let number = Number(from); number < Number(to); number++) {
  const base = bases[number % bases.length];
  if (base === undefined) throw new Error("no base");
  putVariant(store, base, { number, changedCount: Number(changed), named: unnamed === undefined });
}
store.close();
