// SPDX-License-Identifier: Apache-2.0
import { AshlarError } from "../base/index.ts";
import type { Tree } from "../formats/index.ts";

/** A tree whose entries all have time 0, and the times that they had. */
export interface TimelessTree {
  readonly timeless: Tree;
  readonly times: Uint8Array;
}

/**
 * Takes the times out of a tree: most files of a package get the time of its changelog, so with them no part of a new
 * version's tree would be that of the old one. The times are lines `COUNT SECONDS`, each for so many entries in order.
 */
export function splitTimes(tree: Tree): TimelessTree {
  const runs: { count: number; readonly seconds: number }[] = [];
  for (const { mtimeSeconds: seconds } of tree) {
    const last = runs.at(-1);
    if (last?.seconds === seconds) last.count++;
    else runs.push({ count: 1, seconds });
  }
  const times = Buffer.from(runs.map(({ count, seconds }) => `${count} ${seconds}\n`).join(""));
  return { timeless: tree.map((entry) => ({ ...entry, mtimeSeconds: 0 })), times };
}

/** Puts times back. Throws `MIRROR_TIMES` where they are not those of as many entries. */
export function joinTimes({ timeless, times }: TimelessTree): Tree {
  const seconds: number[] = [];
  for (const line of Buffer.from(times).toString("latin1").split("\n").slice(0, -1)) {
    const [, count, time] = /^([1-9]\d{0,6}) (-?\d{1,12})$/.exec(line) ?? [];
    if (count === undefined) throw invalid("a line is not COUNT SECONDS");
    if (seconds.length + Number(count) > timeless.length) throw invalid("they are more than the entries");
    for (let i = Number(count); i > 0; i--) seconds.push(Number(time));
  }
  if (seconds.length !== timeless.length) throw invalid("they are fewer than the entries");
  return timeless.map((entry, i) => ({ ...entry, mtimeSeconds: seconds[i] as number }));
}

function invalid(fault: string): AshlarError {
  return new AshlarError("MIRROR_TIMES", `Cannot read the times of a package's files: ${fault}`);
}
