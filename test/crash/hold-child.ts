// SPDX-License-Identifier: Apache-2.0
import { writeSync } from "node:fs";

import { digestOf, isAshlarError } from "../../src/base/index.ts";
import { openStore } from "../../src/store/index.ts";

/**
 * `hold STORE`: takes the turn to fetch something, says so, and keeps it until it is killed. `ask STORE`: says whose
 * turn it is, and what gc says.
 */
const [verb, dir = ""] = process.argv.slice(2);
const store = openStore(dir);
const turn = store.beginFetch(digestOf("wanted"));
if (turn.kind === "ours" && verb === "ask") turn.release();
writeSync(1, `${turn.kind} ${verb === "ask" ? gcSays() : ""}\n`);
if (verb === "hold") setInterval(() => {}, 1000);
else store.close();

function gcSays(): string {
  try {
    store.gc({});
    return "collected";
  } catch (error) {
    if (isAshlarError(error)) return error.code;
    throw error;
  }
}
