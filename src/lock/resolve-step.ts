// SPDX-License-Identifier: Apache-2.0
import { comparePackages } from "./encode-lock.ts";
import type { StepTask } from "./image-chain.ts";
import type { LockedPackage } from "./lock.ts";
import { lockPackage, nameOf, type SolveContext, solveTask } from "./solve-task.ts";

export interface StepContext extends Omit<SolveContext, "installed" | "subject"> {
  /** The image's packages, those of the images below among them: a step sees the versions that the image has. */
  readonly image: readonly LockedPackage[];
}

/** The packages of the root in which a step runs, sorted. Throws the solver's errors. */
export function resolveStep(task: StepTask, { image, ...context }: StepContext): readonly LockedPackage[] {
  const locked = new Map([...context.locked, ...image.map((item) => [nameOf(item), item] as const)]);
  const subject = `step "${task.step}" of image "${task.image}" for ${task.platform}`;
  const { solution, indexes } = solveTask(task, { ...context, locked, subject });
  const packages = solution.packages.map(({ package: item, phase, by }) =>
    lockPackage(item, { phase, by, use: "tools" }, indexes),
  );
  return packages.sort(comparePackages);
}
