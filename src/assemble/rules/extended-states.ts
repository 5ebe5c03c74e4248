// SPDX-License-Identifier: Apache-2.0
import { byText } from "../../base/index.ts";
import { field, parseControl } from "../../debian/index.ts";
import type { Rule } from "./rule.ts";

export const extendedStates: Rule = {
  name: "extended-states",
  why: "apt lists what it installed automatically in the order of its memory",
  apply(root) {
    const file = root.madeFile("var/lib/apt/extended_states");
    const bytes = file === undefined ? undefined : root.read(file);
    if (file === undefined || bytes === undefined) return [];
    return root.rewrite(file, sortStanzas(bytes), "sorted");
  },
};

/** Stanzas by package and architecture. Throws `DEBIAN_CONTROL_INVALID`. */
export function sortStanzas(bytes: Uint8Array): Uint8Array {
  const keyOf = byText((stanza: ReturnType<typeof parseControl>[number]) =>
    JSON.stringify([field(stanza, "Package") ?? "", field(stanza, "Architecture") ?? ""]),
  );
  const stanzas = parseControl(bytes).sort(keyOf);
  const texts = stanzas.map((stanza) => [...stanza].map(([name, value]) => `${name}: ${value}\n`).join(""));
  return Buffer.from(texts.map((text) => `${text}\n`).join(""), "utf8");
}
