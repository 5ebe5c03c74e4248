// SPDX-License-Identifier: Apache-2.0
import type { Rule } from "./rule.ts";

/**
 * 1 January 1980 as a day since 1970, what the tools of passwd write under the sandbox's SOURCE_DATE_EPOCH.
 * Not 0: that means that the password must be changed (shadow(5)).
 */
const epochDay = 315_532_800 / 86_400;

export const shadowDates: Rule = {
  name: "shadow-dates",
  why: "/etc/shadow holds the day of each password's last change",
  apply(root) {
    const file = root.madeFile("etc/shadow");
    const bytes = file === undefined ? undefined : root.read(file);
    if (file === undefined || bytes === undefined) return [];
    // Latin-1 keeps every byte as it is.
    const lines = Buffer.from(bytes).toString("latin1").split("\n").map(withEpoch);
    return root.rewrite(file, Buffer.from(lines.join("\n"), "latin1"), `days of change set to ${epochDay}`);
  },
};

/** Where a day stands; "" (no ageing) and 0 are what a script meant. */
function withEpoch(line: string): string {
  return line.replace(/^([^:]*:[^:]*:)[1-9]\d*(?=:)/, `$1${epochDay}`);
}
