// SPDX-License-Identifier: Apache-2.0
import { parseBinfmtEntry } from "./binfmt.ts";

interface FuzzTarget {
  readonly name: string;
  readonly seeds: () => Uint8Array[];
  readonly run: (bytes: Uint8Array) => void;
}

/** The parsers of this folder, for the mutation suite. */
export const fuzzTargets: readonly FuzzTarget[] = [
  {
    name: "sandbox/binfmt",
    seeds: () =>
      [
        "enabled\ninterpreter /usr/bin/qemu\nflags: POCF\noffset 0\nmagic 7f454c46\nmask ffffff00\n",
        "disabled\ninterpreter /usr/bin/python3.11\nflags: \nextension .pyc\n",
      ].map((text) => Buffer.from(text)),
    run: (bytes) => void parseBinfmtEntry(Buffer.from(bytes).toString("latin1")),
  },
];
