// SPDX-License-Identifier: Apache-2.0
import {
  assembleUsers,
  type Contents,
  type InstallationSecret,
  listPackages,
  openContents,
  type OwnedTree,
  showSecret,
} from "../assemble/index.ts";
import { inPack } from "../store/index.ts";
import { installPhases } from "./full-phases.ts";
import { type KeptRoot, readScripts } from "./stage.ts";
import { makeSystemRuns } from "./system-runs.ts";
import type { SystemRequest } from "./system-stage.ts";

/** Trees are cumulative: each holds those before it. */
export interface Phases {
  readonly base: OwnedTree;
  readonly packages: OwnedTree;
}

/** What scripts and commands made, and the roots on the way there. */
export interface InstalledSystem extends Phases {
  readonly system: OwnedTree;
  readonly installed: readonly KeptRoot[];
  readonly secrets: readonly InstallationSecret[];
}

/** Runs maintainer scripts, adds the spec's users, then runs its commands; warns of secrets. */
export async function installSystem(request: SystemRequest): Promise<InstalledSystem> {
  const { store, document, platform, project } = request;
  const phases = await installPhases(request);
  const { packages, peopled } = inPack(store, (pack) => {
    const contents = openContents(store, pack);
    const listed = listKept(request, phases.packages, contents);
    return { packages: listed, peopled: assembleUsers(listed, document.users, contents) };
  });
  const near = phases.installed.at(-1)?.near;
  const context = { ...request.install, store, near, project, platform, image: document.name };
  const ran = await makeSystemRuns({ ...context, root: peopled, runs: document.system.run });
  const secrets = [...phases.secrets, ...ran.secrets];
  for (const secret of secrets) request.install.progress.warn(showSecret(secret));
  const installed = [...phases.installed, ...ran.roots];
  return { base: phases.base, packages, system: ran.owned, installed, secrets };
}

/** An image without dpkg's database says in another way which packages it has. */
function listKept(
  { store, document, packages, below }: SystemRequest,
  owned: OwnedTree,
  contents: Contents,
): OwnedTree {
  if (document.system.base !== "none" || below !== undefined) return owned;
  return listPackages(
    owned,
    packages.map((item) => readScripts(store, item)),
    contents,
  );
}
