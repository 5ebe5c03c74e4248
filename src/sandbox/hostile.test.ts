// SPDX-License-Identifier: Apache-2.0
import { test } from "node:test";

import { hostileContract } from "./hostile.contract.ts";
import { freshStore, missing } from "./testing/place.ts";

for (const backend of ["crun", "runc", "bwrap"] as const) {
  const why = missing(backend, "perl", "getfattr");
  if (why === false) hostileContract(backend, await freshStore());
  else test(`${backend} against hostile programs`, { skip: why }, () => undefined);
}
