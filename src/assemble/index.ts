// SPDX-License-Identifier: Apache-2.0
/**
 * From locked packages and the project's files to one tree, phase by phase, without running anything
 * (`install: unpack`, docs/unpack.md).
 *
 * - unpacked package: the tree of a .deb's data as it came, and its control files, both in the store
 * - owned tree: a tree, and which package or step put each entry there
 * - phase: base, packages, system, app; each tree holds those before it, and the last is the flat root
 * - facts: what a content needs of others (libraries, loader, interpreter), looked at once
 *
 *     const phases = assemblePhases({ document, packages, contents, factsOf, project, appMtimeSeconds: 0 });
 *     verifyClosure(checkClosure(phases.app.tree, { factsOf, contents }));
 *     const layer = phaseDifference(phases.base.tree, phases.packages.tree);
 */
export { type Accounts, resolveOwner } from "./accounts.ts";
export { appTree } from "./app-tree.ts";
export { checkClosure, type ClosureFault, showFault, verifyClosure } from "./closure.ts";
export { type ContentFacts, inspectContent } from "./content-facts.ts";
export {
  type ContentReader,
  type Contents,
  type ContentSink,
  openContents,
  packageId,
  type UnpackedPackage,
} from "./content.ts";
export { type DebconfAnswers, debconfSelections, verifyAnswers } from "./debconf/selections.ts";

export { verifyExpectations } from "./expectations.ts";
export { groupPackages } from "./full/group-packages.ts";
export { type InstalledRoot, installPackages, type InstallRequest } from "./full/install-packages.ts";
export { essentialClosure, keepClosure } from "./full/keep-closure.ts";
export { settleHardlinks } from "./hardlinks.ts";
export { inspectTree } from "./inspect-tree.ts";
export type { FactsOf } from "./interpreter.ts";
export { keepTimes } from "./keep-times.ts";
export { putOwnedTree, readOwnedTree } from "./keep-owned-tree.ts";
export { baseOwner, isSameEntry, type OwnedTree } from "./merge-trees.ts";
export { type OptionalOf, optionalPackages } from "./optional-library.ts";
export { PathResolver } from "./path-resolver.ts";
export { phaseDifference, splitByOwner } from "./phase-difference.ts";
export {
  assemblePhases,
  assembleSystem,
  assembleUsers,
  emptyTree,
  listPackages,
  type PhaseInput,
  type Phases,
  readAccounts,
  type SystemInput,
  type SystemPhases,
} from "./phases.ts";
export { memoryProject, type ProjectFile, type ProjectFiles } from "./project-files.ts";
export {
  applyRules,
  type AppliedRule,
  type InstallationSecret,
  type RuledTree,
  showSecret,
} from "./rules/apply-rules.ts";
export { type RuleCandidate, ruleCandidates, type TwoContents, type TwoRuns } from "./rules/rule-candidates.ts";
export type { RuleInput } from "./rules/rule-root.ts";
export { selectFiles } from "./select-files.ts";
export { type Dropped, sizeOf } from "./strip-tree.ts";
export { packageReaches, type PackageRecord, unpackAction, type UnpackTask } from "./unpack.ts";
export { unpackAll, type UnpackOptions } from "./unpack-pool.ts";
