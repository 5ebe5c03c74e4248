// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from "node:child_process";
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, type TestContext } from "node:test";

/** Users and groups by number: nobody has to make them. */
export const alice = 52001;
export const bob = 52002;
export const team = 52100;

export interface Person {
  readonly uid: number;
  readonly umask?: string;
  readonly groups?: readonly number[];
}

export interface Done {
  readonly given: readonly unknown[];
  readonly code?: string;
  readonly message?: string;
  readonly hint?: string;
}

const child = join(import.meta.dirname, "store-user.ts");

/** Does `steps` with a store as somebody, in a process of theirs that may take ten seconds. */
export function storeAs({ uid, umask = "022", groups = [] }: Person, dir: string, ...steps: string[]): Done {
  const groupArgs = groups.length > 0 ? [`--groups=${groups.join(",")}`] : ["--clear-groups"];
  const node = [process.execPath, "--disable-warning=ExperimentalWarning", child, umask, dir, ...steps];
  const { stdout, stderr, status } = spawnSync("setpriv", [`--reuid=${uid}`, `--regid=${uid}`, ...groupArgs, ...node], {
    encoding: "utf8",
    timeout: 10_000,
    killSignal: "SIGKILL",
    cwd: "/",
  });
  if (status !== 0) throw new Error(`the process of user ${uid} ended with ${status}: ${stderr}`);
  return JSON.parse(stdout) as Done;
}

/** Runs a shell script as somebody. */
export function shellAs({ uid, groups = [] }: Person, script: string, ...args: string[]): string {
  const groupArgs = groups.length > 0 ? [`--groups=${groups.join(",")}`] : ["--clear-groups"];
  const command = [`--reuid=${uid}`, `--regid=${uid}`, ...groupArgs, "sh", "-euc", script, "sh", ...args];
  const { stdout, stderr, status } = spawnSync("setpriv", command, { encoding: "utf8", timeout: 10_000, cwd: "/" });
  return status === 0 ? stdout : `failed: ${stderr}`;
}

/** Skips where this process cannot become others; in CI it can. */
export function needsRoot(t: TestContext): boolean {
  if (process.geteuid?.() === 0) return false;
  if (process.env["CI"] !== undefined) throw new Error("CI must be root");
  t.skip("needs root, to become other users");
  return true;
}

/** A place as /tmp is, with a home for each of these users in it. */
export function sharedPlace(...users: number[]): string {
  const dir = mkdtempSync(join(tmpdir(), "ashlar-test-"));
  after(() => rmSync(dir, { recursive: true, force: true }));
  chmodSync(dir, 0o1777);
  for (const uid of users) {
    mkdirSync(join(dir, `${uid}`), { mode: 0o700 });
    chownSync(join(dir, `${uid}`), uid, uid);
  }
  return dir;
}
