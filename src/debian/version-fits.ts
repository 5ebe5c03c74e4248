// SPDX-License-Identifier: Apache-2.0
import type { Relation } from "./relation.ts";
import { compareVersions } from "./version.ts";

/** Tells whether a version satisfies a relation's; undefined, as of an unversioned Provides, only where it has none. */
export function versionFits(relation: Relation, version: string | undefined): boolean {
  if (relation.version === undefined) return true;
  if (version === undefined) return false;
  const order = compareVersions(version, relation.version.version);
  switch (relation.version.op) {
    case "<<":
      return order < 0;
    case "<=":
      return order <= 0;
    case "=":
      return order === 0;
    case ">=":
      return order >= 0;
    case ">>":
      return order > 0;
  }
}
