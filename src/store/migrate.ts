// SPDX-License-Identifier: Apache-2.0
import { writeFormat } from "./format-file.ts";
import { type Layout, privateRights } from "./layout.ts";
import { privateVersion } from "./store-format.ts";
import { onDisk } from "./system-fault.ts";

/** Brings a store from the version before to `to`: adds what is new and removes nothing, so that it may run again. */
interface Migration {
  readonly to: number;
  readonly run: (layout: Layout) => void;
}

/** In the order of their versions, one each. (docs/formats/store.md, "Changing the format") */
const migrations: readonly Migration[] = [
  // Packs of version 2 may stand beside those of version 1. The number tells older releases, which cannot read them.
  { to: 2, run: () => undefined },
];

/**
 * Brings a store of one user up to the version of this release. After each step the number is written, durably: a
 * crash leaves the version before, with files that it does not look at, or the one after. The caller holds a lease,
 * so no garbage is collected; several processes may do this at once.
 */
export function migrate(layout: Layout, from: number): void {
  onDisk(`bring store "${layout.dir}" up to version ${privateVersion}`, () => {
    for (const { to, run } of migrations) {
      if (to <= from) continue;
      run(layout);
      writeFormat(layout.dir, { kind: "private", version: to }, privateRights.file);
    }
  });
}
