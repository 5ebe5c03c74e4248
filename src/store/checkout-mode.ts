// SPDX-License-Identifier: Apache-2.0
import { constants, copyFileSync, linkSync, rmSync } from "node:fs";
import { join } from "node:path";

import { isSystemError } from "../base/index.ts";
import { freePath, type Layout } from "./layout.ts";
import type { CheckoutMode, CheckoutOptions } from "./store.ts";

/** Errors by which a file system, or a pair of them, says that it cannot do this. */
const refusals = ["EXDEV", "EPERM", "EINVAL", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "ENOTTY"] as const;

/**
 * Decides how files get into `dir`, by trying with the store's smallest file: links where it lies on the store's
 * file system, else blocks shared by reflink, else copies.
 */
export function chooseMode(layout: Layout, wanted: CheckoutOptions["mode"], dir: string): CheckoutMode {
  if (wanted === "copy") return "copy";
  const [source, probe] = [join(layout.dir, "format"), freePath(dir)];
  const clone = constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE_FORCE;
  try {
    if (succeeds(() => linkSync(source, probe))) return "link";
    return succeeds(() => copyFileSync(source, probe, clone)) ? "reflink" : "copy";
  } finally {
    rmSync(probe, { force: true });
  }
}

function succeeds(step: () => void): boolean {
  try {
    step();
    return true;
  } catch (error) {
    if (isSystemError(error, ...refusals)) return false;
    throw error;
  }
}
