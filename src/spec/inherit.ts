// SPDX-License-Identifier: Apache-2.0
import type { ExpectDocument, FromDocument, SystemDocument } from "./document.ts";

/** How packages are installed where nothing is said, by what the lowest image of a chain stands on. */
export function usualInstall(lowest: FromDocument): SystemDocument["install"] {
  return lowest.kind === "scratch" ? "unpack" : "full";
}

/** Maintainer scripts take the essential set for granted; an image below brings what it has. */
export function usualBase(from: FromDocument, install: SystemDocument["install"]): SystemDocument["base"] {
  return from.kind === "debian" && install === "full" ? "essential" : "none";
}

/**
 * Where scripts ran, what packages depend on is there, and what is missing is what Debian only suggests: worth
 * a warning. Unpacked images promise that everything in them works.
 */
export function usualClosure(install: SystemDocument["install"]): ExpectDocument["closure"] {
  return install === "full" ? "warn" : "strict";
}
