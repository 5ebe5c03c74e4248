// SPDX-License-Identifier: Apache-2.0
import { byText, type ImagePath, parentOf } from "../../base/index.ts";
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

/** One line that tells of a secret and what became of it. */
export function showSecret({ path, kind, package: maker, action, regenerate }: InstallationSecret): string {
  const by = maker === undefined ? "" : ` made by package ${maker}`;
  const state = action === "removed" ? "left out" : "kept: every container of this image shares it";
  const how = regenerate === undefined ? "" : `; make it in the container: ${regenerate}`;
  return `/${path} is a secret (${kind})${by}, ${state}${how}`;
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
    root = root.withTree(after);
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
  const gone = new Set<string>();
  const put = new Map<string, Entry>();
  for (const change of changes) {
    if (change.kind === "remove") gone.add(change.path);
    if (change.kind === "put") put.set(change.entry.path, change.entry);
  }
  const left = new Map<string, Entry>();
  for (const entry of tree) {
    // What is in a directory comes after it.
    if (gone.has(entry.path) || gone.has(parentOf(entry.path) ?? "")) gone.add(entry.path);
    else left.set(entry.path, put.get(entry.path) ?? entry);
  }
  if (!tree.some(({ type }) => type === "hardlink")) return [...left.values()];
  const before = new Map<string, Entry>(tree.map((entry) => [entry.path, entry]));
  const fileAt = (path: ImagePath): FileEntry | undefined => {
    const entry = left.get(path) ?? before.get(path);
    return entry?.type === "file" ? entry : undefined;
  };
  return makeTree(settleHardlinks([...left.values()], fileAt));
}
