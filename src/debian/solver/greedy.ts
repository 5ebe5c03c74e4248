// SPDX-License-Identifier: Apache-2.0
import { type MarkContext, markInstall, serveNeed } from "./mark-install.ts";
import type { Root } from "./roots.ts";
import type { Version } from "./universe.ts";

/**
 * Chooses as `apt-get install` does: all named packages are marked first, then what each of them needs.
 * Returns undefined where that leaves something broken or missing.
 */
export function chooseGreedily(context: MarkContext, roots: readonly Root[]): readonly Version[] | undefined {
  const named = roots.filter((root) => root.isSingle).map((root) => nameOne(context, root));
  for (const { node } of named) markInstall(context, { node, withNeeds: false, depth: 0, fromUser: true });
  for (const { node } of named) markInstall(context, { node, withNeeds: true, depth: 0, fromUser: true });
  for (const root of roots) if (!root.isSingle) serveAlternatives(context, root);
  return soundResult(context, roots);
}

/** Makes the asked version the candidate and protects it: the user is always right. */
function nameOne({ selection }: MarkContext, root: Root): Version {
  const version = root.choices[0] as Version;
  selection.setCandidate(version.node, version);
  selection.protect(version.node, true);
  return version;
}

function serveAlternatives(context: MarkContext, root: Root): void {
  if (context.selection.isNeedMet(root.need, "install")) return;
  serveNeed(context, root.need, { wasProtected: false, fromUser: true, depth: 0 });
}

function soundResult({ selection }: MarkContext, roots: readonly Root[]): readonly Version[] | undefined {
  const chosen = selection.installed();
  const isServed = roots.every((root) => root.choices.some((version) => selection.isInstalled(version)));
  return isServed && chosen.every((version) => !selection.isVersionBroken(version)) ? chosen : undefined;
}
