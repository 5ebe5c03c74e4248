// SPDX-License-Identifier: Apache-2.0
import type { Digest } from "../../base/index.ts";
import type { Stanza } from "../control.ts";
import type { Package } from "../package.ts";
import type { PackageIndex } from "../packages-index.ts";

/** What is always there, before the packages of the spec are looked at. */
export type BaseSet = "none" | "essential" | "minbase";

/** The version of one package that an earlier lock chose. */
export interface LockedVersion {
  readonly version: string;
  readonly digest: Digest;
}

/** One package is taken rather than another where an or-group offers both. */
export interface Preference {
  readonly take: string;
  readonly ratherThan: string;
}

export interface SolveRequest {
  /** One index a source and architecture; the order of the packages in them does not matter. */
  readonly indexes: readonly PackageIndex[];
  /** Relations in the order of the spec: `nginx`, `nginx (>= 1.22)`, `a | b`, `name:arch`. */
  readonly packages: readonly string[];
  readonly base: BaseSet;
  /** Native architecture, e.g. "amd64". */
  readonly architecture: string;
  /** Sources (by name) from which a package comes only where no other source fits, as backports. */
  readonly notAutomatic?: ReadonlySet<string>;
  /** Other architectures whose packages may be installed, best first. */
  readonly foreign?: readonly string[];
  /** Stanzas of packages that are there already and stay at their version; they are not part of the solution. */
  readonly installed?: readonly Stanza[];
  /** By "name:arch" ("all" stands for itself); taken where it still fits. */
  readonly locked?: ReadonlyMap<string, LockedVersion>;
  /** Where the choice differs from apt's; `defaultPreferences` when absent. */
  readonly preferences?: readonly Preference[];
}

/**
 * Choices that differ from apt's: `init-system-helpers` of bookworm asks for `usrmerge | usr-is-merged`,
 * and the first brings perl and 46 MB to do what an image with a merged /usr has done already.
 */
export const defaultPreferences: readonly Preference[] = [{ take: "usr-is-merged", ratherThan: "usrmerge" }];

export interface SolvedPackage {
  readonly package: Package;
  /** Names of the packages that need it, or "spec" or "base"; sorted. */
  readonly by: readonly string[];
  readonly phase: "base" | "packages";
}

/** One satisfied dependency; `from` and `to` are "name:arch" of chosen packages, `from` also "spec" or "base". */
export interface SolvedEdge {
  readonly from: string;
  readonly to: string;
  /** As written by the package or the spec, e.g. "libc6 (>= 2.34) | libc6.1". */
  readonly relation: string;
  readonly kind: "Pre-Depends" | "Depends" | "spec" | "base";
}

export interface Solution {
  /** Sorted by name, then architecture. */
  readonly packages: readonly SolvedPackage[];
  /** Sorted by from, to, kind, relation. */
  readonly edges: readonly SolvedEdge[];
  /** How it was found: as apt does, or by the complete search because apt's way fails. */
  readonly way: "apt" | "search";
}
