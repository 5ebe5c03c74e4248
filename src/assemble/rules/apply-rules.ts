// SPDX-License-Identifier: Apache-2.0
import { byText, comparePaths, type ImagePath } from "../../base/index.ts";
import { type Entry, type FileEntry, makeTree, type Tree } from "../../formats/index.ts";
import { settleHardlinks } from "../hardlinks.ts";
import { aptCaches, fontCache, ldconfigCache, manCache } from "./caches.ts";
import { databaseClusters } from "./database-clusters.ts";
import { extendedStates } from "./extended-states.ts";
import { generatedText } from "./generated-text.ts";
import { installationSecrets } from "./installation-secrets.ts";
import { javaKeystore } from "./java-keystore.ts";
import { backups, dpkgTemporaries, locks } from "./leftovers.ts";
import { packageLogs, serviceLogs } from "./logs.ts";
import { machineId } from "./machine-id.ts";
import { pythonBytecode } from "./python-bytecode.ts";
import type { Rule, RuleChange } from "./rule.ts";
import { type RuleInput, RuleRoot } from "./rule-root.ts";
import { shadowDates } from "./shadow-dates.ts";

/** In the order in which they are applied: what removes much goes first. */
export const rules: readonly Rule[] = [
  databaseClusters,
  backups,
  locks,
  dpkgTemporaries,
  packageLogs,
  serviceLogs,
  aptCaches,
  ldconfigCache,
  manCache,
  fontCache,
  machineId,
  installationSecrets,
  shadowDates,
  extendedStates,
  javaKeystore,
  generatedText,
  pythonBytecode,
];

/** One change of one rule. */
export interface AppliedRule {
  readonly rule: string;
  readonly path: ImagePath;
  /** e.g. "removed". */
  readonly what: string;
}

/** A key, password or identity that was made while packages were installed. */
export interface InstallationSecret {
  readonly path: ImagePath;
  /** e.g. "ssh host key". */
  readonly kind: string;
  /** Name of the package that is known to make it, or id of the one that owns the path. */
  readonly package?: string;
  readonly action: "removed" | "kept";
  /** The command that makes it in a container. */
  readonly regenerate?: string;
}

export interface RuledTree {
  readonly tree: Tree;
  /** In the order of rules, then of paths. */
  readonly applied: readonly AppliedRule[];
  /** In the order of paths. Those that are kept make an image that cannot be built twice alike. */
  readonly secrets: readonly InstallationSecret[];
}

/**
 * Takes out of a tree what two runs of the same scripts leave differently, by named rules
 * (`docs/determinism-rules.md`). Only what the scripts made or changed is touched. Throws
 * `DEBIAN_CONTROL_INVALID` where apt's list of states is no control file.
 */
export function applyRules(input: RuleInput): RuledTree {
  let after = input.after;
  let root = new RuleRoot(input);
  const applied: AppliedRule[] = [];
  const secrets: InstallationSecret[] = [];
  for (const rule of rules) {
    const changes = rule.apply(root);
    if (changes.length === 0) continue;
    after = applyChanges(after, changes);
    root = new RuleRoot({ ...input, after });
    for (const change of changes) {
      const path = change.kind === "put" ? change.entry.path : change.path;
      applied.push({ rule: rule.name, path, what: change.what });
      if (change.secret !== undefined) secrets.push(secretOf(change, path, input.owners.get(path)));
    }
  }
  return { tree: after, applied, secrets: secrets.sort(byText(({ path }) => path)) };
}

function secretOf(change: RuleChange, path: ImagePath, owner: string | undefined): InstallationSecret {
  const { kind, package: maker = owner, regenerate } = change.secret as NonNullable<RuleChange["secret"]>;
  return {
    path,
    kind,
    ...(maker !== undefined && { package: maker }),
    action: change.kind === "keep" ? "kept" : "removed",
    ...(regenerate !== undefined && { regenerate }),
  };
}

/** A directory that is removed takes all below it along; a file's other names (hard links) live on. */
function applyChanges(tree: Tree, changes: readonly RuleChange[]): Tree {
  const entries = new Map<ImagePath, Entry>(tree.map((entry) => [entry.path, entry]));
  const gone: ImagePath[] = [];
  for (const change of changes) {
    if (change.kind === "put") entries.set(change.entry.path, change.entry);
    if (change.kind === "remove" && entries.delete(change.path)) gone.push(change.path);
  }
  dropBelow(entries, gone);
  const files = new Map(
    tree.filter((entry): entry is FileEntry => entry.type === "file").map((e) => [e.path, e]),
  );
  return makeTree(settleHardlinks([...entries.values()], (target) => files.get(target)));
}

/** Drops what stands below directories that are gone. */
function dropBelow(entries: Map<ImagePath, Entry>, gone: readonly ImagePath[]): void {
  const roots = new Set(gone);
  if (roots.size === 0) return;
  for (const path of [...entries.keys()].sort(comparePaths)) {
    const parent = path.slice(0, Math.max(0, path.lastIndexOf("/"))) as ImagePath;
    if (!roots.has(parent)) continue;
    entries.delete(path);
    roots.add(path);
  }
}
