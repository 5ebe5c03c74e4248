// SPDX-License-Identifier: Apache-2.0
import type { Package } from "../package.ts";
import { versionFits } from "../version-fits.ts";
import type { Target, Version } from "./universe.ts";

/** An `Architecture: all` package cannot be `same`; apt reads it as `no`. */
export function isMultiArchSame(item: Package): boolean {
  return item.multiArch === "same" && item.architecture !== "all";
}

/** Whether a package satisfies a relation by its own name, or is hit by it. */
export function matchesReal(target: Target, version: Version, negative: boolean): boolean {
  if (!negative) return versionFits(target.relation, version.package.version);
  if (isOwnName(target, version)) return false;
  // Breaks: self:other (!= own version), the implied rule for Multi-Arch: same
  if (target.implicit && target.owner !== undefined && isMultiArchSame(target.owner.package)) {
    return version.package.version !== target.owner.package.version;
  }
  return versionFits(target.relation, version.package.version);
}

function isOwnName({ owner, implicit }: Target, version: Version): boolean {
  if (owner === undefined || owner.name !== version.name) return false;
  if (owner.node === version.node) return true;
  return isMultiArchSame(owner.package) && !implicit;
}

/** A package never conflicts with what it provides itself (deb-policy 7.6.2), on no architecture. */
export function matchesProvided(target: Target, version: Version, as: string | undefined, negative: boolean): boolean {
  if (negative && (target.implicit || target.owner?.name === version.name)) return false;
  return versionFits(target.relation, as);
}
