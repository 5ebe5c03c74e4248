// SPDX-License-Identifier: Apache-2.0
import type { Rule } from "./rule.ts";
import { emptying, removal } from "./rule-root.ts";

/** What dpkg, apt and their tools write about their own work. */
const toolLogs = /^var\/log\/(alternatives|bootstrap|dpkg|fontconfig)\.log$|^var\/log\/apt\/[^/]+$/;

export const packageLogs: Rule = {
  name: "package-logs",
  why: "dpkg, apt, update-alternatives and fc-cache note the time of each of their steps",
  apply: (root) => root.madeFiles(toolLogs).map((file) => removal(file)),
};

/**
 * The empty logs stay (btmp, wtmp, lastlog, nginx's ...): services and login need them with just that owner and mode.
 * Journals are no use without their content.
 */
export const serviceLogs: Rule = {
  name: "service-logs",
  why: "a service that ran while it was configured notes times and process numbers",
  apply: (root) =>
    root
      .madeFiles(/^var\/log\//)
      .flatMap((file) => (file.path.endsWith(".journal") ? [removal(file)] : emptying(file))),
};
