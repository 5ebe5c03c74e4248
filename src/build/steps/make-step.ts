// SPDX-License-Identifier: Apache-2.0
import { compareOrdinal, type Digest, type Json } from "../../base/index.ts";
import type { LockedPackage } from "../../lock/index.ts";
import { claimOf } from "../../mirror/index.ts";
import type { Action, Store } from "../../store/index.ts";
import { installVersion } from "../stage.ts";
import type { RunPlace } from "./run-logged.ts";
import type { SecretValues } from "./find-secrets.ts";
import { recallAction, stepAction, type StepPlan } from "./plan-step.ts";
import type { OpenProject } from "./read-project-file.ts";
import { runStep } from "./run-step.ts";

/** A step of an image for one platform, with all that its result depends on. */
export interface PlannedStep {
  /** Key of the image, and the step's name in it. */
  readonly image: string;
  readonly name: string;
  readonly plan: StepPlan;
  /** The root it runs in: the essential set (phase base) and its tools. */
  readonly tools: readonly LockedPackage[];
}

/** What making a step takes. */
export interface StepContext extends RunPlace {
  readonly store: Store;
  /** Runs although the result is remembered. */
  readonly again?: boolean | undefined;
  readonly project: OpenProject;
  /** By name; asked for only when a step must run. */
  readonly secrets: SecretValues;
  /** The value of $JOBS; has no part in any key. */
  readonly jobs: number;
}

/** Tree: the outputs of a step that was made before of the same inputs. One look-up; nothing is unpacked for it. */
export function recallStep(
  { store, again }: Pick<StepContext, "store" | "again">,
  step: PlannedStep,
): Digest | undefined {
  return again === true ? undefined : (store.getAction(recallOf(step))?.value as Digest | undefined);
}

function recallOf({ plan, tools }: PlannedStep): Action {
  const asked = tools.filter(({ by }) => by.includes("spec")).map(nameOf);
  const facts: Json = { asked: asked.sort(compareOrdinal), version: installVersion };
  // What this lock says of a package is not what another one says, though the package is the same.
  const digests = tools.flatMap((item) => [item.digest, ...[claimOf(item) ?? []].flat()]);
  return recallAction(plan, digests.sort(compareOrdinal), facts);
}

function nameOf({ name, architecture }: LockedPackage): string {
  return `${name}:${architecture}`;
}

/**
 * Makes the outputs of a step, or remembers them; the digest of their tree, whose files are root's, 0755 or
 * 0644, of time 0. `makeTools` gives the tree of the root it runs in. The sources lie at
 * `store.downloadPath(sha256)`. Throws `BUILD_STEP_FAILED`,
 * `BUILD_STEP_OUTPUT`, `BUILD_SECRET_LEAKED`, `BUILD_SOURCE_*`, `BUILD_PATCH_FAILED`, `USAGE_SECRET*`, and what
 * the sandbox and the installation of tools throw.
 */
export async function makeStep(
  context: StepContext,
  step: PlannedStep,
  makeTools: () => Promise<Digest>,
): Promise<Digest> {
  const { store, again } = context;
  const known = recallStep(context, step);
  if (known !== undefined) return known;
  const root = await makeTools();
  const action = stepAction(step.plan, root);
  const found = again === true ? undefined : store.getAction(action)?.value;
  const outputs = (found as Digest | undefined) ?? (await runStep(context, step, root));
  for (const key of [action, recallOf(step)]) store.putAction(key, resultOf(outputs));
  return outputs;
}

function resultOf(outputs: Digest): Parameters<Store["putAction"]>[1] {
  return { value: outputs, reaches: { trees: [outputs] } };
}
