// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";

import { removeEntry } from "../remove-tree.ts";

/** Gives directories, each inside one of its own, that are removed when the file's tests are done. */
export function freshDirs(): () => string {
  const dirs: string[] = [];
  after(() => dirs.forEach((dir) => void removeEntry(dir)));
  return () => {
    const dir = mkdtempSync(join(tmpdir(), "ashlar-test-"));
    dirs.push(dir);
    return join(dir, "it");
  };
}
