// SPDX-License-Identifier: Apache-2.0
import { groupPackages } from "../assemble/index.ts";
import {
  type InstallContext,
  type InstalledStage,
  type InstallStep,
  makeInstalledRoot,
} from "./installed-root.ts";
import { readScripts, type RecordedPackage } from "./stage.ts";

export interface GroupsRequest extends Pick<
  InstallStep,
  "platform" | "below" | "strip" | "only" | "answers"
> {
  /** What a new system starts with; empty on a root that is there. */
  readonly base: readonly RecordedPackage[];
  /** What goes on top. */
  readonly others: readonly RecordedPackage[];
}

/**
 * Installs packages in full, group by group, each a remembered step on top of those before. The roots in
 * their order; none where there is nothing to install.
 */
export async function installGroups(
  context: InstallContext,
  request: GroupsRequest,
): Promise<readonly InstalledStage[]> {
  const { store } = context;
  const { base, others, ...rest } = request;
  const byId = new Map(others.map((item) => [idOf(item), item]));
  const groups = groupPackages(
    others.map((item) => readScripts(store, item)),
    store,
  ).map((group) => group.map((item) => byId.get(idOf(item)) as RecordedPackage));
  const stages: InstalledStage[] = [];
  let below = request.below;
  for (const packages of base.length === 0 ? groups : [base, ...groups]) {
    const name = packages === base ? "base" : wordFor(packages);
    const stage = await makeInstalledRoot(context, { ...rest, below, name, packages });
    below = { stage, packages: [...(below?.packages ?? []), ...packages] };
    stages.push(stage);
  }
  return stages;
}

/** What logs call a group: the packages that the spec names. */
function wordFor(packages: readonly RecordedPackage[]): string {
  const asked = packages.flatMap(({ locked }) => (locked.by.includes("spec") ? [locked.name] : []));
  const [first = "packages", ...others] = asked;
  return others.length === 0 ? first : `${first}+${others.length}`;
}

/** A package's id: `libc6:amd64`. */
export function idOf({ locked }: Pick<RecordedPackage, "locked">): string {
  return `${locked.name}:${locked.architecture}`;
}
