// SPDX-License-Identifier: Apache-2.0
import type { FileEntry } from "../../formats/index.ts";
import { linkEntry } from "../generated-entry.ts";
import type { Rule, RuleChange } from "./rule.ts";
import { emptying, removal, type RuleRoot } from "./rule-root.ts";

const systemPath = "etc/machine-id";
const busPath = "var/lib/dbus/machine-id";

/** An empty /etc/machine-id is filled at the next start, and D-Bus reads systemd's (machine-id(5)). */
export const machineId: Rule = {
  name: "machine-id",
  why: "systemd and D-Bus give every installation a random number",
  apply(root) {
    const system = root.madeFile(systemPath);
    const bus = root.madeFile(busPath);
    return [
      ...(system === undefined ? [] : emptying(system)),
      ...(bus === undefined ? [] : [linked(root, bus)]),
    ];
  },
};

function linked(root: RuleRoot, bus: FileEntry): RuleChange {
  if (root.get(systemPath) === undefined) return removal(bus);
  return { kind: "put", entry: linkEntry(bus.path, `/${systemPath}`), what: `linked to /${systemPath}` };
}
