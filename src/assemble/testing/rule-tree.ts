// SPDX-License-Identifier: Apache-2.0
import { applyRules, type RuledTree } from "../rules/apply-rules.ts";
import { type EntrySpec, makeEntries, memoryContents } from "./make-package.ts";

export type Files = Readonly<Record<string, EntrySpec>>;

export const ruleContents = memoryContents();

/** What the rules make of files that scripts left beside and over those that packages ship. */
export function ruled(made: Files, shipped: Files = {}, by: "packages" | "steps" = "packages"): RuledTree {
  const before = makeEntries(shipped, ruleContents.putText);
  const after = makeEntries({ ...shipped, ...made }, ruleContents.putText);
  const owners = new Map(before.map((entry) => [entry.path, "tool:amd64"]));
  return applyRules({ before, after, contents: ruleContents, owners, by });
}
