// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from "node:child_process";

import { isSmall } from "./measure-pair.ts";
import type { PackagedFile, PackagePair } from "./read-package.ts";

/**
 * Bytes of the changed large files as zstd makes them with the old file of the same path (numbers in it aside) as a
 * dictionary: what a delta between two known versions would cost, for which a store of plain blobs has no place.
 */
export function deltaBytes(pair: PackagePair): number {
  const here = new Set(pair.old.map(({ content }) => content));
  const before = new Map(pair.old.map((file) => [withoutNumbers(file), file.place]));
  const changed = pair.new.filter((file) => !isSmall(file) && !here.has(file.content));
  return changed.reduce((sum, file) => sum + compressedBytes(file, before.get(withoutNumbers(file))), 0);
}

function withoutNumbers({ path }: PackagedFile): string {
  return path.replaceAll(/\d+/g, "0");
}

function compressedBytes({ place }: PackagedFile, before: string | undefined): number {
  const from = before === undefined ? [] : [`--patch-from=${before}`];
  const flags = ["-3", "--quiet", "--stdout", "--no-check", "--single-thread"];
  return execFileSync("zstd", [...flags, ...from, place], { maxBuffer: 1 << 30, stdio: "pipe" }).length;
}
