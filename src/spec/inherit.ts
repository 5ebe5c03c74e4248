// SPDX-License-Identifier: Apache-2.0
import type { FromDocument, SystemDocument } from "./document.ts";

/** How packages are installed where nothing is said, by what the lowest image of a chain stands on. */
export function usualInstall(lowest: FromDocument): SystemDocument["install"] {
  return lowest.kind === "scratch" ? "unpack" : "full";
}

/** Maintainer scripts take the essential set for granted; an image below brings what it has. */
export function usualBase(from: FromDocument, install: SystemDocument["install"]): SystemDocument["base"] {
  return from.kind === "debian" && install === "full" ? "essential" : "none";
}
