// SPDX-License-Identifier: Apache-2.0
import { chmodSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";

/** Gives directories, each inside one of its own, that are removed when the file's tests are done. */
export function freshDirs(): () => string {
  const dirs: string[] = [];
  after(() => dirs.forEach(removeAll));
  return () => {
    const dir = mkdtempSync(join(tmpdir(), "ashlar-test-"));
    dirs.push(dir);
    return join(dir, "it");
  };
}

/** Only root removes what lies in a read-only directory. */
function removeAll(dir: string): void {
  if (process.geteuid?.() !== 0) makeWritable(dir);
  rmSync(dir, { recursive: true, force: true });
}

function makeWritable(dir: string): void {
  chmodSync(dir, 0o700);
  for (const entry of readdirSync(dir, { withFileTypes: true })) {
    if (entry.isDirectory()) makeWritable(join(dir, entry.name));
  }
}
