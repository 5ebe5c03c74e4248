// SPDX-License-Identifier: Apache-2.0
import type { Digest } from "../base/index.ts";
import { type Entry, type FileEntry, type Shebang, type Tree } from "../formats/index.ts";
import type { ContentFacts } from "./content-facts.ts";
import { PathResolver } from "./path-resolver.ts";
import { type Dropped, sizeOf, type Stripped } from "./strip-tree.ts";

/** The facts of a content, as they were remembered; undefined where it is neither an ELF file nor a script. */
export type FactsOf = (content: Digest) => ContentFacts | undefined;

/** What shells and `env` use where PATH is not set. */
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** Below these directories lie examples and debug data, which nobody runs. */
const neverRun = /^usr\/(share\/doc|share\/doc-base|lib\/debug)\//;

/** Tells whether a file is there to be executed. */
export function isProgram(entry: Entry): entry is FileEntry {
  return entry.type === "file" && (entry.mode & 0o111) !== 0 && !neverRun.test(entry.path);
}

/**
 * The interpreter of a script that the tree has not: an absolute path, or for `#!/usr/bin/env x` the bare
 * name. Undefined where all is there.
 */
export function missingInterpreter(shebang: Shebang, resolver: PathResolver, path = defaultPath): string | undefined {
  if (!isExecutable(resolver.resolve(shebang.interpreter))) return shebang.interpreter;
  if (!/(^|\/)env$/.test(shebang.interpreter) || shebang.argument === undefined) return undefined;
  const command = commandOfEnv(shebang.argument);
  if (command === undefined) return undefined;
  if (command.includes("/")) return isExecutable(resolver.resolve(command)) ? undefined : command;
  const found = path
    .split(":")
    .some((dir) => dir.startsWith("/") && isExecutable(resolver.resolve(`${dir}/${command}`)));
  return found ? undefined : command;
}

/** env(1): options, then assignments, then the command. Without -S the kernel hands over one argument. */
function commandOfEnv(argument: string): string | undefined {
  const words = argument.replace(/^(-\S*S|--split-string=?)\s*/, "").split(/[ \t]+/);
  return words.find((word) => word !== "" && !word.startsWith("-") && !/^\w+=/.test(word));
}

function isExecutable(entry: Entry | undefined): boolean {
  return entry?.type === "file" && (entry.mode & 0o111) !== 0;
}

/**
 * Leaves out scripts whose interpreter is not in the tree, and links that led to them: the group "scripts" of
 * `strip`. Some were interpreters of others, so it goes on until none is left to drop.
 */
export function dropScripts(tree: Tree, factsOf: FactsOf): Stripped {
  let rest = tree;
  for (let before: Tree | undefined; rest !== before;) {
    before = rest;
    rest = dropOnce(before, factsOf);
  }
  const dropped: Dropped = { count: tree.length - rest.length, sizeBytes: sizeOf(tree) - sizeOf(rest) };
  return { tree: rest, dropped };
}

function dropOnce(tree: Tree, factsOf: FactsOf): Tree {
  const resolver = new PathResolver(tree);
  const dropping = new Set<string>();
  for (const entry of tree) {
    if (!isProgram(entry)) continue;
    const shebang = factsOf(entry.content)?.shebang;
    if (shebang !== undefined && missingInterpreter(shebang, resolver) !== undefined) dropping.add(entry.path);
  }
  if (dropping.size === 0) return tree;
  return tree.filter((entry) => {
    if (dropping.has(entry.path)) return false;
    if (entry.type !== "symlink" && entry.type !== "hardlink") return true;
    return !dropping.has(resolver.resolve(entry.path)?.path ?? "");
  });
}
