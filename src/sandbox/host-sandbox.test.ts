// SPDX-License-Identifier: Apache-2.0
import { test } from "node:test";

import { hostSandboxContract } from "./host-sandbox.contract.ts";
import { freshStore, missing } from "./testing/place.ts";

for (const backend of ["crun", "runc", "bwrap"] as const) {
  const why = missing(backend);
  if (why === false) hostSandboxContract(backend, await freshStore());
  else test(`${backend} as root`, { skip: why }, () => undefined);
}
