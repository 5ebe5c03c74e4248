// SPDX-License-Identifier: Apache-2.0
import { writeFormat } from "./format-file.ts";
import { groupRights, type Layout, privateRights } from "./layout.ts";
import type { OldDirectory } from "./open-layout.ts";
import { sharedVersion } from "./store-format.ts";
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
  // Refs are brought up when they are opened. The number keeps older releases from making an index of theirs first.
  { to: 4, run: () => undefined },
];

/**
 * Brings what a store lies in up to the version of this release. After each step the number is written, durably: a
 * crash leaves the version before, with files that it does not look at, or the one after. The caller holds a lease,
 * so no garbage is collected; several processes may do this at once.
 */
export function migrate(layout: Layout, older: readonly OldDirectory[]): void {
  for (const { dir, format } of older) {
    onDisk(`bring store "${dir}" up to the version of this release`, () => {
      if (format.kind !== "private") {
        const mode = format.kind === "shared" ? groupRights.pack : privateRights.file;
        return writeFormat(dir, { ...format, version: sharedVersion }, mode);
      }
      for (const { to, run } of migrations) {
        if (to <= format.version) continue;
        run(layout);
        writeFormat(dir, { kind: "private", version: to }, privateRights.file);
      }
    });
  }
}
