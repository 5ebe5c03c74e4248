// SPDX-License-Identifier: Apache-2.0
import type { BigIntStats } from "node:fs";

/**
 * Names an inode among those of all file systems. The number alone is of one, and a directory may hold several without
 * any being mounted: subvolumes of btrfs.
 */
export function inodeKey({ dev, ino }: Pick<BigIntStats, "dev" | "ino">): string {
  return `${dev}:${ino}`;
}
