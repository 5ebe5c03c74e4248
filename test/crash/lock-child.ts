// SPDX-License-Identifier: Apache-2.0
import { writeSync } from "node:fs";

import { lockFile } from "../../src/store/file-lock.ts";

/** Holds a lock file alone, as gc and the making of databases do, until it is killed: `FILE`. */
const lock = lockFile(process.argv[2] ?? "", "exclusive", 10_000);
if (lock === undefined) throw new Error("somebody else holds it");
writeSync(1, "held\n");
setInterval(() => lock, 1000);
