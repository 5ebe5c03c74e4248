// SPDX-License-Identifier: Apache-2.0
import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";

import { must, run } from "../../test/programs.ts";

/** A command and its environment. */
export interface Command {
  readonly argv: readonly [string, ...string[]];
  readonly env?: Readonly<Record<string, string>>;
}

/** A store that holds a tree. */
export interface Kept {
  readonly store: string;
  /** The store's own check of every byte: it ends with 0 where all is well. */
  readonly check: Command;
  /** Adds another tree; may be run again. */
  readonly add: Command;
}

export function isDone({ argv: [program, ...args], env }: Command): boolean {
  return run(program, args, env).status === 0;
}

export interface Peer {
  readonly name: string;
  readonly program: string;
  /** How its check is typed. */
  readonly check: string;
  /** Keeps the first tree; the second is for `add`. */
  keep(dir: string, trees: readonly [string, string]): Kept;
}

const ashlarProgram = join(import.meta.dirname, "../../ashlar");

export const peers: readonly Peer[] = [
  { name: "Ashlar", program: ashlarProgram, check: "ashlar store fsck --full", keep: keepByAshlar },
  { name: "git", program: "git", check: "git fsck --full --strict", keep: keepByGit },
  { name: "restic", program: "restic", check: "restic check --read-data", keep: keepByRestic },
  { name: "borg", program: "borg", check: "borg check --verify-data", keep: keepByBorg },
  { name: "ostree", program: "ostree", check: "ostree fsck", keep: keepByOstree },
  { name: "pnpm", program: "pnpm", check: "pnpm store status", keep: keepByPnpm },
];

function keepByAshlar(dir: string, trees: readonly [string, string]): Kept {
  const store = join(dir, "store");
  const [build, add] = trees.map((tree, i): Command => {
    const spec = join(dir, `spec-${i}`);
    cpSync(tree, join(spec, "files"), { recursive: true, verbatimSymlinks: true });
    const head = `ashlar: image/v1\nname: bench/tree-${i}\nfrom: scratch\nplatforms: [linux/amd64]\n`;
    const expect = "expect: { closure: warn }\n";
    writeFileSync(join(spec, "ashlar.yaml"), `${head}${expect}app:\n  - copy: { from: "files/**", to: /files/ }\n`);
    return { argv: [ashlarProgram, "build", spec, "--quiet", "--store", store], env: { CI: "" } };
  }) as [Command, Command];
  done(build);
  done({ argv: [ashlarProgram, "checkout", "bench/tree-0", join(dir, "root"), "--quiet", "--store", store] });
  return { store, check: { argv: [ashlarProgram, "store", "fsck", "--full", "--store", store] }, add };
}

function done(command: Command): void {
  const [program, ...args] = command.argv;
  must(program, args, command.env);
}

/** A bare repository without samples, packed. */
function keepByGit(dir: string, trees: readonly [string, string]): Kept {
  const store = join(dir, "repo.git");
  const env = { GIT_DIR: store };
  const who = "-c user.name=bench -c user.email=bench@example.com";
  const commit = (tree: string): Command => {
    const [at, what] = ['git --work-tree="$1"', "commit --quiet --allow-empty --message=tree"];
    const script = `${at} add --all && ${at} ${who} ${what}`;
    return { argv: ["sh", "-c", script, "sh", tree], env };
  };
  must("git", ["init", "--quiet", "--bare", "--template=", store]);
  done(commit(trees[0]));
  must("git", ["gc", "--quiet"], env);
  return { store, check: { argv: ["git", "fsck", "--full", "--strict"], env }, add: commit(trees[1]) };
}

function keepByRestic(dir: string, trees: readonly [string, string]): Kept {
  const store = join(dir, "repo");
  const env = { RESTIC_REPOSITORY: store, RESTIC_PASSWORD: "bench" };
  const restic = (...args: readonly string[]): Command => ({ argv: ["restic", "--no-cache", "--quiet", ...args], env });
  done(restic("init"));
  done(restic("backup", trees[0]));
  return { store, check: restic("check", "--read-data"), add: restic("backup", trees[1]) };
}

function keepByBorg(dir: string, trees: readonly [string, string]): Kept {
  const store = join(dir, "repo");
  const yes = { BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK: "yes", BORG_RELOCATED_REPO_ACCESS_IS_OK: "yes" };
  const env = { BORG_BASE_DIR: join(dir, "base"), ...yes };
  const borg = (...args: readonly string[]): Command => ({ argv: ["borg", ...args], env });
  const create = (tree: string): Command => borg("create", "--compression=zstd,3", `${store}::{utcnow}`, tree);
  done(borg("init", "--encryption=none", store));
  done(create(trees[0]));
  return { store, check: borg("check", "--verify-data", store), add: create(trees[1]) };
}

function keepByOstree(dir: string, trees: readonly [string, string]): Kept {
  const store = join(dir, "repo");
  const repo = `--repo=${store}`;
  mkdirSync(store);
  must("ostree", ["init", repo, "--mode=archive"]);
  const commit = (tree: string): Command => {
    return { argv: ["ostree", "commit", repo, "--branch=tree", `--tree=dir=${tree}`] };
  };
  done(commit(trees[0]));
  return { store, check: { argv: ["ostree", "fsck", repo] }, add: commit(trees[1]) };
}

/** pnpm keeps packages: a tree is one, in an archive. */
function keepByPnpm(dir: string, trees: readonly [string, string]): Kept {
  const store = join(dir, "store");
  const projects = trees.map((tree, i) => pnpmProject(join(dir, `project-${i}`), tree)) as [string, string];
  const pnpm = (project: string, ...args: readonly string[]): Command => {
    return { argv: ["pnpm", "--dir", project, "--store-dir", store, ...args] };
  };
  const install = (project: string): Command => pnpm(project, "install", "--offline", "--force");
  done(install(projects[0]));
  return { store, check: pnpm(projects[0], "store", "status"), add: install(projects[1]) };
}

function pnpmProject(dir: string, tree: string): string {
  const name = basename(dir);
  const archive = join(dir, "package.tgz");
  cpSync(tree, join(dir, "package/files"), { recursive: true, verbatimSymlinks: true });
  writeFileSync(join(dir, "package/package.json"), `{ "name": "${name}", "version": "1.0.0" }\n`);
  must("tar", ["-C", dir, "-czf", archive, "package"]);
  writeFileSync(join(dir, "package.json"), `{ "dependencies": { "${name}": "file:${archive}" } }\n`);
  return dir;
}
