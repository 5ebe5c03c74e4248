// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");

/** A directory with copies of the specs, their locks, and a store whose downloads every measured run shares. */
export interface Workshop {
  readonly dir: string;
  readonly runs: number;
  readonly ashlar: string;
  /** The directory of a spec, locked. */
  spec(name: string): string;
  /** A store that has been built from; made on first use. */
  readonly warmStore: string;
  /** Makes a store with all downloads and nothing unpacked; one that is there is removed. */
  freshStore(name: string): string;
  /** Paths of the .debs of a spec. */
  debs(name: string): string[];
  /** The same of the spec in a directory. */
  debsOf(place: string): string[];
  /** Runs a command line that is not measured; throws when it fails. */
  run(argv: readonly string[], env?: Readonly<Record<string, string>>): string;
}

export function openWorkshop(dir: string, runs: number): Workshop {
  const ashlar = join(root, "ashlar");
  const warmStore = join(dir, "warm");
  cpSync(join(root, "bench/specs"), join(dir, "specs"), { recursive: true });
  const run = (argv: readonly string[], env: Readonly<Record<string, string>> = {}): string => {
    const [program, ...args] = argv as [string, ...string[]];
    const done = spawnSync(program, args, { env: { ...process.env, ...env }, maxBuffer: 1 << 28 });
    if (done.status !== 0) throw new Error(`${argv.join(" ")} failed: ${done.stderr}`);
    return String(done.stdout);
  };
  const spec = (name: string): string => {
    const place = join(dir, "specs", name);
    if (!existsSync(join(place, "ashlar.lock")))
      run([ashlar, "build", place, "--quiet", "--store", warmStore]);
    return place;
  };
  return {
    dir,
    runs,
    ashlar,
    spec,
    warmStore,
    run,
    freshStore: fresh(dir, warmStore),
    debs: (name) => debsOf(spec(name), warmStore),
    debsOf: (place) => debsOf(place, warmStore),
  };
}

function fresh(dir: string, warmStore: string): (name: string) => string {
  return (name) => {
    const store = join(dir, name);
    rmSync(store, { recursive: true, force: true });
    mkdirSync(store, { recursive: true, mode: 0o700 });
    spawnSync("cp", ["-al", join(warmStore, "downloads"), store]);
    return store;
  };
}

function debsOf(place: string, warmStore: string): string[] {
  const lock = readFileSync(join(place, "ashlar.lock"), "utf8");
  const digests = new Set([...lock.matchAll(/"sha256:([0-9a-f]{64})"/g)].map((match) => match[1] as string));
  const found = [...digests].map((hex) => join(warmStore, "downloads/sha256", hex.slice(0, 2), hex));
  return found.filter((path) => existsSync(path) && readFileSync(path).subarray(0, 7).toString() === "!<arch>");
}
