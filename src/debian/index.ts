// SPDX-License-Identifier: Apache-2.0
/**
 * Debian's words: versions, relations, control files, archives' indexes, package files, and the solver; no I/O.
 *
 * - stanza: the fields of one package in a control file or index; field: one `Name: value` of it
 * - relation: a package asked for, with version; group: alternatives of which one is enough
 * - release: the signed list of an archive's indexes; index: all packages of a component and architecture
 * - closure: packages with everything they depend on, chosen by the solver
 *
 *     const index = parsePackages(bytes, { architecture: "amd64", source: "bookworm" });
 *     const [nginx] = index.named("nginx");
 *     const { fields, data } = readDeb(reader);
 */
export { debianArchitecture, multiarchTuple } from "./architecture.ts";
export { type Diversion, parseDiversions } from "./dpkg/diversions.ts";
export { statusStanza } from "./dpkg/status-stanza.ts";
export {
  encodeInterests,
  parseFileInterests,
  parseNamedInterests,
  parseTriggers,
  type TriggerInterest,
} from "./dpkg/triggers.ts";
export { field, parseControl, type Stanza } from "./control.ts";
export { type Deb, readDeb, verifyDebIdentity } from "./deb.ts";
export type { Package } from "./package.ts";
export { type PackageIndex, parsePackages } from "./packages-index.ts";
export { parseRelations, type Relation, type RelationGroup } from "./relation.ts";
export { parseRelease, type Release, type ReleaseFile } from "./release.ts";
export {
  type BaseSet,
  type LockedVersion,
  type Preference,
  type Solution,
  type SolvedEdge,
  type SolvedPackage,
  type SolveRequest,
} from "./solver/request.ts";
export { solve } from "./solver/solve.ts";
export { compareVersions, parseVersion } from "./version.ts";
export { versionFits } from "./version-fits.ts";
