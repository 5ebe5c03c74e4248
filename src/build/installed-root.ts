// SPDX-License-Identifier: Apache-2.0
import { join } from "node:path";

import {
  type AppliedRule,
  type DebconfAnswers,
  debconfSelections,
  emptyTree,
  type InstalledRoot,
  installPackages,
  type InstallRequest,
  type InstallationSecret,
  putOwnedTree,
  readOwnedTree,
} from "../assemble/index.ts";
import { AshlarError, compareOrdinal, type Digest, isAshlarError, type Json } from "../base/index.ts";
import { debianArchitecture } from "../debian/index.ts";
import { defaultLimits } from "../sandbox/index.ts";
import { type Action, inPack, type Store } from "../store/index.ts";
import {
  installVersion,
  readScripts,
  readUnpacked,
  type RecordedPackage,
} from "./stage.ts";
import { RunLog } from "./steps/run-log.ts";
import type { RunPlace } from "./steps/run-logged.ts";

/** A root in which packages are installed in full, by digests: the value of the action "install.full". */
export interface InstalledStage {
  readonly flat: Digest;
  readonly owners: Digest;
  /** Tree: what is worth keeping checked out for runs on this root. */
  readonly near: Digest;
  /** Of this step and those below it. */
  readonly secrets: readonly InstallationSecret[];
  readonly applied: readonly AppliedRule[];
}

/** What running maintainer scripts takes; the same for all steps of a build. */
export interface InstallContext extends RunPlace {
  readonly store: Store;
  /** Runs scripts although their result is remembered. */
  readonly again?: boolean | undefined;
}

/** A root by digests, made here or by others. */
type Below = InstalledStage | Pick<InstalledStage, "flat" | "owners">;

export interface InstallStep {
  readonly platform: string;
  /** What the packages are installed on; undefined: a new system. */
  readonly below: { readonly stage: Below; readonly packages: readonly RecordedPackage[] } | undefined;
  readonly packages: readonly RecordedPackage[];
  readonly strip: readonly string[];
  readonly only: Readonly<Record<string, readonly string[]>>;
  /** Question to answer; those of other packages are left aside. */
  readonly answers: DebconfAnswers;
  /** Names the step in logs, e.g. "base". */
  readonly name: string;
}

/** Installs packages in full on a root, or remembers what came of it. Without packages the root stays as it is. */
export async function makeInstalledRoot(context: InstallContext, step: InstallStep): Promise<InstalledStage> {
  const { store } = context;
  const selections = debconfSelections(
    step.answers,
    step.packages.map((item) => readScripts(store, item)),
    store,
  );
  const action = actionOf(step, selections);
  const known = context.again === true ? undefined : store.getAction(action)?.value;
  if (known !== undefined) return known as unknown as InstalledStage;
  const stage = await install(context, step, selections);
  const reaches = { trees: [stage.flat, stage.near], contents: [stage.owners] };
  store.putAction(action, { value: stage as unknown as Json, reaches });
  return stage;
}

/** Circumstances, backend and who runs it have no part in the name of the step: the result may not depend on them. */
function actionOf(
  { platform, below, packages, strip, only }: InstallStep,
  selections: string | undefined,
): Action {
  const sorted = [...packages].sort((a, b) => compareOrdinal(nameOf(a), nameOf(b)));
  const roles = sorted.map(({ locked }) => {
    return { name: nameOf({ locked }), isAsked: locked.by.includes("spec"), phase: locked.phase };
  });
  const names = new Set(packages.map(({ locked }) => locked.name));
  const used = Object.fromEntries(Object.entries(only).filter(([name]) => names.has(name)));
  const lower = below === undefined ? [] : [below.stage.flat, below.stage.owners];
  const parameters = { platform, roles, strip, only: used, selections: selections ?? null };
  const inputs = [...lower, ...sorted.map(({ record }) => record)];
  return { operation: "install.full", version: installVersion, inputs, parameters: parameters as unknown as Json };
}

function nameOf({ locked }: Pick<RecordedPackage, "locked">): string {
  return `${locked.name}:${locked.architecture}`;
}

async function install(
  context: InstallContext,
  step: InstallStep,
  selections: string | undefined,
): Promise<InstalledStage> {
  const { store, progress, storeDir } = context;
  const { platform, packages, name } = step;
  const shown = progress.start(`install ${name} (${platform})`, packages.length, "items");
  const path = join(storeDir, "logs", `install-${name}-${platform.replaceAll("/", "-")}.log`);
  const log = new RunLog({ path, onLine: (line) => progress.log(name, line), secrets: [] });
  try {
    const sandbox = await context.sandbox();
    const installed = await installPackages({ ...requestOf(context, step, log), sandbox, selections });
    log.end(false);
    shown.done(`${packages.length} packages configured`);
    return stageOf(store, installed, step.below?.stage);
  } catch (error) {
    log.end(true);
    throw isAshlarError(error) ? withLog(error, log) : error;
  }
}

function requestOf(
  context: InstallContext,
  step: InstallStep,
  log: RunLog,
): Omit<InstallRequest, "selections" | "sandbox"> {
  const { store, circumstances } = context;
  const { platform, below, packages, strip, only, answers } = step;
  const lower = below?.stage;
  const owned = lower === undefined ? emptyTree : readOwnedTree(store, lower);
  return {
    store,
    platform,
    architecture: debianArchitecture(platform),
    limits: defaultLimits,
    circumstances,
    below: { owned, near: lower !== undefined && "near" in lower ? lower.near : undefined },
    installed: (below?.packages ?? []).map((item) => readScripts(store, item)),
    packages: packages.map((item) => readUnpacked(store, item)),
    strip,
    only,
    answers,
    onOutput: (bytes) => log.write(bytes),
  };
}

function withLog(error: AshlarError, log: RunLog): AshlarError {
  if (log.lastLines.length === 0) return error;
  const { code, message, hint, where, details, because } = error;
  const kept = `the whole log is in "${log.path}"`;
  const said = because.length > 0 ? because : log.lastLines.map((line) => `| ${line}`);
  return new AshlarError(code, message, { hint, where, details, because: [...said, kept], cause: error });
}

function stageOf(store: Store, installed: InstalledRoot, below: Below | undefined): InstalledStage {
  const earlier = below !== undefined && "secrets" in below ? below : { secrets: [], applied: [] };
  return {
    ...inPack(store, (pack) => putOwnedTree(store, pack, installed.owned)),
    near: installed.near,
    secrets: [...earlier.secrets, ...installed.secrets],
    applied: [...earlier.applied, ...installed.applied],
  };
}
