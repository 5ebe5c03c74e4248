// SPDX-License-Identifier: Apache-2.0
import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as wait } from "node:timers/promises";

import { generator } from "./flip-bit.ts";
import { keepStill } from "./keep-still.ts";
import { type Command, isDone, type Kept } from "./peers.ts";

/**
 * Kills adding the second tree, with all its processes, at random times of its course; tells how often the same command
 * then does its work, and how often the check is content after that.
 */
export async function tallyKills(
  { add, check }: Kept,
  dir: string,
  { count, seed }: { readonly count: number; readonly seed: number },
): Promise<string> {
  const putBack = keepStill(dir);
  const wholeMs = await timed(add);
  const next = generator(seed);
  let [again, sound] = [0, 0];
  for (let i = 0; i < count; i++) {
    putBack();
    await killed(add, next() * wholeMs);
    if (isDone(add)) again++;
    if (isDone(check)) sound++;
  }
  putBack();
  return `${again} of ${count} done at the next try, ${sound} sound`;
}

async function timed(command: Command): Promise<number> {
  const start = performance.now();
  if (!isDone(command)) throw new Error(`${command.argv.join(" ")} failed`);
  return performance.now() - start;
}

async function killed({ argv: [program, ...args], env }: Command, afterMs: number): Promise<void> {
  const child = spawn(program, args, { stdio: "ignore", detached: true, env: { ...process.env, ...env } });
  const exit = once(child, "exit");
  await Promise.race([exit, wait(afterMs)]);
  if (child.exitCode === null && child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
  await exit;
}
