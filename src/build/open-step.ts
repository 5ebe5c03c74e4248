// SPDX-License-Identifier: Apache-2.0
import type { BuildRequest } from "./build.ts";
import type { StepsOf } from "./build-steps.ts";
import type { OpenedStep } from "./steps/run-step.ts";

/** Makes the root that a step runs in, to look around there. Throws `USAGE_STEP` and what making a step throws. */
export async function openStep(
  request: BuildRequest,
  wanted: StepsOf & { readonly name: string; readonly argv: readonly string[] },
): Promise<OpenedStep> {
  // Loaded when asked for: a build without steps starts sooner.
  const steps = await import("./build-steps.ts");
  return steps.openStep(request, wanted);
}
