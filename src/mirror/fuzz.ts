// SPDX-License-Identifier: Apache-2.0
import { digestOf, parsePath } from "../base/index.ts";
import { type Entry, makeTree } from "../formats/index.ts";
import { joinTimes, splitTimes } from "./entry-times.ts";

const meta = { type: "file", sizeBytes: 1, content: digestOf("x"), mode: 0o644, uid: 0, gid: 0 } as const;
const tree = makeTree(
  [7, 7, 7, 0, 1_700_000_000, 0].map((mtimeSeconds, i): Entry => ({ ...meta, path: parsePath(`f${i}`), mtimeSeconds })),
);

/** For `test/long/fuzz.ts`. */
export const fuzzTargets = [
  {
    name: "times of a package's files",
    seeds: () => [splitTimes(tree).times],
    run: (times: Uint8Array) => void joinTimes({ timeless: tree, times }),
  },
] as const;
