// SPDX-License-Identifier: Apache-2.0
import type { Rule, RuleChange } from "./rule.ts";
import type { RuleRoot } from "./rule-root.ts";

/** A text that a script wrote, in which one place changes from run to run. */
interface VaryingText {
  readonly path: RegExp;
  /** Global; what it matches is replaced. */
  readonly pattern: RegExp;
  readonly replacement: string;
  readonly what: string;
}

/** One line for each place that packages are known to write a date or a random number to. */
const varyingTexts: readonly VaryingText[] = [
  {
    path: /^etc\/mdadm\/mdadm\.conf$/,
    pattern: /^(# This configuration was auto-generated) on .*( by mkconf)$/gm,
    replacement: "$1$2",
    what: "date of its making dropped",
  },
  {
    path: /^etc\/popularity-contest\.conf$/,
    pattern: /^MY_HOSTID="[^"\n]*"$/gm,
    replacement: 'MY_HOSTID=""',
    what: "random host number dropped; dpkg-reconfigure popularity-contest sets one",
  },
];

export const generatedText: Rule = {
  name: "generated-text",
  why: "a configuration file that a script writes may say when, or hold a random number of the host",
  apply: (root) => varyingTexts.flatMap((text) => changesOf(root, text)),
};

function changesOf(root: RuleRoot, { path, pattern, replacement, what }: VaryingText): readonly RuleChange[] {
  return root.madeFiles(path).flatMap((file) => {
    const bytes = root.read(file);
    if (bytes === undefined) return [];
    const text = Buffer.from(bytes).toString("latin1").replace(pattern, replacement);
    return root.rewrite(file, Buffer.from(text, "latin1"), what);
  });
}
