// SPDX-License-Identifier: Apache-2.0
import type { SurveyResult } from "./survey-install.ts";

/** The survey as a page: the sum, then what is not one digest, then the secrets. */
export function surveyTable(results: readonly SurveyResult[]): string {
  const of = (outcome: SurveyResult["outcome"]): readonly SurveyResult[] =>
    results.filter((result) => result.outcome === outcome);
  const same = of("same").length;
  const share = ((100 * same) / Math.max(1, results.length)).toFixed(1);
  const seconds = results.reduce((sum, result) => sum + result.seconds, 0);
  return [
    `${results.length} packages, ${same} with one digest (${share} %), ${of("differs").length} that differ, ` +
      `${of("failed").length} that cannot be installed; ${seconds.toFixed(0)} s of work`,
    "",
    "| package | outcome | why |",
    "|---|---|---|",
    ...[...of("differs"), ...of("failed")].map(faultRow),
    "",
    "| package | secret | path | action |",
    "|---|---|---|---|",
    ...results.flatMap(secretRows),
    "",
  ].join("\n");
}

function faultRow({ package: name, outcome, differences, error }: SurveyResult): string {
  const paths = (differences ?? []).map(({ path, what }) => `\`/${path}\` (${what})`);
  const more = paths.length > 6 ? ` and ${paths.length - 6} more` : "";
  const fault = error === undefined ? [] : [`${error.code}: ${error.message}`];
  return `| ${name} | ${outcome} | ${[...paths.slice(0, 6), ...fault].join(", ").replaceAll("|", "\\|")}${more} |`;
}

function secretRows({ package: name, secrets }: SurveyResult): readonly string[] {
  return secrets.map(({ kind, path, action }) => `| ${name} | ${kind} | \`/${path}\` | ${action} |`);
}
