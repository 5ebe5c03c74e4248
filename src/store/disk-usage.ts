// SPDX-License-Identifier: Apache-2.0
import { lstatSync } from "node:fs";

/** What files occupy on disk. */
export function sizesOf(paths: readonly string[]): { readonly count: number; readonly bytes: number } {
  let count = 0;
  let bytes = 0;
  for (const path of paths) {
    const stats = lstatSync(path, { throwIfNoEntry: false });
    if (stats === undefined) continue;
    count++;
    bytes += stats.blocks * 512;
  }
  return { count, bytes };
}
