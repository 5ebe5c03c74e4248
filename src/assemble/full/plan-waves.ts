// SPDX-License-Identifier: Apache-2.0
import type { DescribedPackage } from "./describe-package.ts";
import { dependenciesOf, orderPackages } from "./order-packages.ts";

/** Packages whose preinsts run first, whose files then come, and that are configured together. */
export interface Wave {
  /** In the order of configuration. */
  readonly packages: readonly DescribedPackage[];
  /** Those with a preinst, in that order. */
  readonly preinsts: readonly DescribedPackage[];
}

/**
 * Parts packages into waves. A preinst may count on what its package pre-depends on being configured
 * (Debian policy 7.2), so such a package opens a new wave where that is still in the current one.
 */
export function planWaves(packages: readonly DescribedPackage[]): readonly Wave[] {
  const waves: DescribedPackage[][] = [[]];
  for (const item of orderPackages(packages)) {
    const wave = waves.at(-1) as DescribedPackage[];
    const waits = hasPreinst(item) && dependenciesOf(item, [...wave], item.preDepends).length > 0;
    if (waits) waves.push([item]);
    else wave.push(item);
  }
  return waves.filter((wave) => wave.length > 0).map(waveOf);
}

/** The packages of a new system are one wave: nothing is there on which a preinst could run before. */
export function waveOf(packages: readonly DescribedPackage[]): Wave {
  return { packages, preinsts: packages.filter(hasPreinst) };
}

function hasPreinst(item: DescribedPackage): boolean {
  return item.control.has("preinst");
}
