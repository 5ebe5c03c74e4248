// SPDX-License-Identifier: Apache-2.0
import type { Rule, RuleChange } from "./rule.ts";
import type { RuleRoot } from "./rule-root.ts";

/** A text that a script wrote, in which some places change from run to run. */
interface VaryingText {
  readonly path: RegExp;
  /** Global patterns, and what is put where they match. */
  readonly replacements: readonly (readonly [RegExp, string])[];
  readonly what: string;
}

/** One item for each file that packages are known to write a date or a random number to. */
const varyingTexts: readonly VaryingText[] = [
  {
    path: /^etc\/mdadm\/mdadm\.conf$/,
    replacements: [[/^(# This configuration was auto-generated) on .*( by mkconf)$/gm, "$1$2"]],
    what: "date of its making dropped",
  },
  {
    path: /^etc\/popularity-contest\.conf$/,
    replacements: [
      [/^MY_HOSTID="[^"\n]*"$/gm, 'MY_HOSTID=""'],
      [/^DAY="\d"$/gm, 'DAY="0"'],
    ],
    what: "random host number dropped, random day set to Sunday; dpkg-reconfigure popularity-contest sets them",
  },
  {
    path: /^etc\/cron\.d\/popularity-contest$/,
    replacements: [[/^\d+ \d+( \* \* \* )/gm, "0 0$1"]],
    what: "random hour and minute set to midnight",
  },
];

export const generatedText: Rule = {
  name: "generated-text",
  why: "a configuration file that a script writes may say when, or hold a random number of the host",
  apply: (root) => varyingTexts.flatMap((text) => changesOf(root, text)),
};

function changesOf(root: RuleRoot, { path, replacements, what }: VaryingText): readonly RuleChange[] {
  return root.madeFiles(path).flatMap((file) => {
    const bytes = root.read(file);
    if (bytes === undefined) return [];
    let text = Buffer.from(bytes).toString("latin1");
    for (const [pattern, replacement] of replacements) text = text.replace(pattern, replacement);
    return root.rewrite(file, Buffer.from(text, "latin1"), what);
  });
}
