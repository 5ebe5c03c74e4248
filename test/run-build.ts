// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { chownSync, lstatSync, mkdirSync, mkdtempSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";

import type { Fixture } from "./fixture.ts";

/** The repository. */
export const root = join(import.meta.dirname, "..");

/** What one image came out as; of `ashlar build --json`. */
export interface BuiltJson {
  readonly name: string;
  readonly digest: string;
  readonly platforms: readonly {
    readonly platform: string;
    readonly manifest: string;
    readonly config: string;
    readonly layers: readonly string[];
  }[];
}

export interface BuildPlace {
  readonly base: string;
  readonly project: string;
  readonly store: string;
}

/** How one build's process is started; what is absent is as in this process. */
export interface How {
  readonly place?: BuildPlace;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly umask?: number;
  readonly user?: number;
  /** Commands in front of Node. */
  readonly wrapper?: readonly string[];
  readonly node?: string;
  /** Told the process that was started. */
  readonly onStart?: (child: ChildProcess) => void;
}

/** A new directory with the project and a store that holds only the downloads. */
export function makePlace(fixture: Fixture, below = tmpdir(), name = "project"): BuildPlace {
  const base = mkdtempSync(join(below, "ashlar-determinism-"));
  const place = { base, project: join(base, name), store: join(base, "store") };
  mkdirSync(place.project, { recursive: true });
  fixture.writeProject(place.project);
  fixture.fillStore(place.store);
  return place;
}

export interface Ended {
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs `ashlar build` without a network and from the lock as it is. */
export async function runBuild(place: BuildPlace, how: Omit<How, "place">): Promise<Ended> {
  const node = [how.node ?? process.execPath, "--disable-warning=ExperimentalWarning", join(root, "src/cli/main.ts")];
  const args = ["build", place.project, "--frozen", "--offline", "--json", `--store=${place.store}`];
  const [command = "", ...rest] = [...(how.wrapper ?? []), ...node, ...args, ...(how.args ?? [])];
  const env = { PATH: process.env["PATH"] ?? "", HOME: place.base, ...how.env };
  if (how.user !== undefined) giveTo(how.user, place.base);
  const owner = how.user === undefined ? {} : { uid: how.user, gid: how.user };
  const own = process.umask(how.umask ?? 0o022);
  const child = spawn(command, rest, { env, cwd: place.base, ...owner, stdio: ["ignore", "pipe", "pipe"] });
  process.umask(own);
  how.onStart?.(child);
  const ended = new Promise<number | null>((resolve, reject) => child.on("close", resolve).on("error", reject));
  const [status, out, err] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
  return { status, out, err };
}

/** The same, and it must end well. */
export async function build(place: BuildPlace, how: Omit<How, "place"> = {}): Promise<readonly BuiltJson[]> {
  const { status, out, err } = await runBuild(place, how);
  assert.equal(status, 0, err + out);
  return (JSON.parse(out) as { images: readonly BuiltJson[] }).images;
}

function giveTo(user: number, path: string): void {
  chownSync(path, user, user);
  for (const name of readdirSync(path)) {
    const below = join(path, name);
    const stat = lstatSync(below);
    if (stat.isDirectory()) giveTo(user, below);
    else if (stat.isFile()) chownSync(below, user, user);
  }
}
