// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";

import { ashlar } from "./programs.ts";

const examples = join(import.meta.dirname, "../examples");

/** Builds examples from the committed lock; in a copy from a fresh one where the archive has dropped a package. */
export function exampleBuilder(
  area: string,
): (t: TestContext, example: string, args: readonly string[]) => void {
  const store = join(area, "store");
  return (t, example, args) => {
    const spec = join(examples, example);
    const frozen = ashlar(store, ["build", spec, "--frozen", ...args]);
    if (frozen.status === 0) return;
    assert.equal(frozen.status, 6, frozen.err);
    t.diagnostic(
      `the archive no longer has what examples/${example}/ashlar.lock names; locked again in a copy`,
    );
    const copy = mkdtempSync(join(area, "again-"));
    cpSync(spec, copy, { recursive: true });
    rmSync(join(copy, "ashlar.lock"));
    const again = ashlar(store, ["build", copy, ...args]);
    assert.equal(again.status, 0, again.err);
  };
}
