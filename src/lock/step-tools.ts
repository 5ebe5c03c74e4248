// SPDX-License-Identifier: Apache-2.0
import type { StepDocument } from "../spec/index.ts";

/** The relations of a step's tools, with what preparing its sources takes; on top of the essential set. */
export function stepTools({ tools, sources }: StepDocument): readonly string[] {
  const isPatched = sources.some(({ patches }) => patches.length > 0);
  const isNamed = tools.some((tool) => /^patch( \(|$)/.test(tool));
  return isPatched && !isNamed ? [...tools, "patch"] : tools;
}
