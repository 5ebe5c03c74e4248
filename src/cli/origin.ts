// SPDX-License-Identifier: Apache-2.0
import { existsSync } from "node:fs";
import { join, sep } from "node:path";

import { AshlarError } from "../base/index.ts";
import type { Project } from "../build/index.ts";
import type { BuildOptions } from "./verbs/build.ts";
import { type GlobalOptions, type Shell, storeDirOf } from "./shell.ts";
import { wholeSecret } from "./whole-secret.ts";

/**
 * Where an image of the store came from, as the words of the command line that brings it again: a registry is asked
 * by digest, a build stands on its lock. In front of the verb there may be variables, `NAME=VALUE`.
 */
export type Origin = readonly string[];

interface Building {
  readonly project: Project;
  readonly options: BuildOptions;
  /** Absent: all of each image. */
  readonly platforms: readonly string[] | undefined;
}

/** The words for an image of a spec; `key` names it where there are several. None for a spec that does not stay. */
export function buildOrigin(
  shell: Shell,
  { project, options, platforms = [] }: Building,
): ((key: string | undefined) => Origin) | undefined {
  if (project.dir.startsWith(storeDirOf(shell, options) + sep)) return undefined;
  const epoch = shell.env["SOURCE_DATE_EPOCH"];
  const { compression, set = [], secret = [] } = options;
  return (key) => [
    ...(epoch === undefined || epoch === "" ? [] : [`SOURCE_DATE_EPOCH=${epoch}`]),
    ...["build", project.specPath, "--frozen"],
    ...(key === undefined ? [] : ["--image", key]),
    ...platforms.flatMap((platform) => ["--platform", platform]),
    ...(compression === "zstd:chunked" ? [] : ["--compression", compression]),
    ...set.flatMap((text) => ["--set", text]),
    ...secret.flatMap((text) => ["--secret", wholeSecret(shell, text)]),
  ];
}

/** As a line to type. */
export function showOrigin(origin: Origin): string {
  const { variables, words } = split(origin);
  return [...variables, "ashlar", ...words].map(quote).join(" ");
}

function split(origin: Origin): { readonly variables: readonly string[]; readonly words: readonly string[] } {
  const start = origin.findIndex((word) => !/^[A-Z_]+=/.test(word));
  return { variables: origin.slice(0, start), words: origin.slice(start) };
}

function quote(word: string): string {
  return /^[\w@%+=:,./~-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

const verbs = ["pull", "import", "build"];

/** Tells whether a command line is of the kind that we write: it brings an image, and sets no variable but one. */
function isOurs(origin: Origin): boolean {
  const { variables, words } = split(origin);
  return verbs.includes(words[0] ?? "") && variables.every((text) => text.startsWith("SOURCE_DATE_EPOCH="));
}

/** In a shared store any member may have written what a name says of where it came from. */
function verifyTrusted(shell: Shell, origin: Origin, options: GlobalOptions): void {
  const isShared = existsSync(join(storeDirOf(shell, options), "sharing"));
  if (isOurs(origin) && !isShared) return;
  const shared = "the store is shared, and any member may have written it";
  const state = isShared ? shared : "no command of ours brings images so";
  throw new AshlarError("STORE_ORIGIN", `Cannot run "${showOrigin(origin)}": ${state}`, {
    hint: "look at it, and type it yourself if it is what you want",
  });
}

/**
 * Runs such a command line with these options in this process, but that names stay where they point to; returns what
 * it prints. Throws `STORE_ORIGIN`, and what its verb throws.
 */
export async function runOrigin(shell: Shell, origin: Origin, options: GlobalOptions): Promise<string> {
  verifyTrusted(shell, origin, options);
  const { makeProgram } = await import("./program.ts");
  const { variables, words } = split(origin);
  const pairs = variables.map((text) => [text.slice(0, text.indexOf("=")), text.slice(text.indexOf("=") + 1)]);
  const env = { ...shell.env, SOURCE_DATE_EPOCH: undefined, ...Object.fromEntries(pairs) };
  const more = [
    `--store=${storeDirOf(shell, options)}`,
    ...(options.quiet === true ? ["--quiet"] : []),
    ...(options.progress === undefined ? [] : [`--progress=${options.progress}`]),
  ];
  let text = "";
  const program = makeProgram({ ...shell, env, keepsNames: true }, (outcome) => void (text = outcome.text));
  await program.parseAsync([...words, ...more], { from: "user" });
  return text;
}
