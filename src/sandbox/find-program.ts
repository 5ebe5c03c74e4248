// SPDX-License-Identifier: Apache-2.0
import type { Digest } from "../base/index.ts";
import { parseElf, parseShebang, type Tree } from "../formats/index.ts";
import { fixedEnvironment, mountPoints } from "./environment.ts";
import type { SandboxCommand } from "./sandbox.ts";
import { runError } from "./sandbox-error.ts";
import { type Found, treeLookup } from "./tree-lookup.ts";

type Lookup = (path: string) => Found | undefined;
/** The beginning of a content. */
type ReadStart = (content: Digest) => Uint8Array;

/** Interpreters of interpreters that the kernel follows (execve(2)). */
const interpretersMax = 5;

/**
 * Proves that a root has the program of a command, what interprets it, and the working directory, so that all
 * backends fail alike. Throws `SANDBOX_START`.
 */
export function verifyCommand(
  { root, command }: { readonly root: Tree; readonly command: SandboxCommand },
  readStart: ReadStart,
): void {
  const { argv, env, cwd = "/" } = command;
  const [program] = argv;
  if (program === undefined || program === "") throw runError("START", argv, "it names no program");
  const lookUp = treeLookup(root);
  if (!isDirectory(lookUp, cwd)) throw runError("START", argv, `its directory "${cwd}" is not in the root`);
  const searchPath = env?.["PATH"] ?? (fixedEnvironment["PATH"] as string);
  const path = programPaths(program, searchPath, cwd).find((one) => isProgram(lookUp, one));
  const hint = "add the package that has it to what is installed, or to the tools of the step";
  if (path === undefined)
    throw runError("START", argv, `there is no program "${program}" in the root`, { hint });
  const absent = missingInterpreter(lookUp, path, readStart);
  if (absent === undefined) return;
  throw runError("START", argv, `"${program}" needs "${absent}", which is not in the root`, { hint });
}

function isDirectory(lookUp: Lookup, path: string): boolean {
  const found = lookUp(path);
  return found !== undefined && (found.path === "" || found.entry?.type === "dir" || isMounted(found.path));
}

/** What lies on a file system of the sandbox shows when it runs. */
function isMounted(path: string): boolean {
  return (mountPoints as readonly string[]).includes(path.split("/")[0] ?? "");
}

function programPaths(name: string, searchPath: string, cwd: string): string[] {
  if (name.startsWith("/")) return [name];
  if (name.includes("/")) return [`${cwd}/${name}`];
  return searchPath.split(":").map((dir) => `${dir}/${name}`);
}

function isProgram(lookUp: Lookup, path: string): boolean {
  const found = lookUp(path);
  if (found === undefined) return false;
  const { entry } = found;
  if (entry === undefined) return isMounted(found.path);
  return (entry.type === "file" || entry.type === "hardlink") && (entry.mode & 0o111) !== 0;
}

function missingInterpreter(lookUp: Lookup, program: string, readStart: ReadStart): string | undefined {
  let path = program;
  for (let depth = 0; depth < interpretersMax; depth++) {
    const found = lookUp(path)?.entry;
    const entry = found?.type === "hardlink" ? lookUp(found.target)?.entry : found;
    if (entry?.type !== "file") return undefined;
    const start = readStart(entry.content);
    const next = parseShebang(start)?.interpreter ?? parseElf(start)?.interpreter;
    if (next === undefined || !next.startsWith("/")) return undefined;
    if (!isProgram(lookUp, next)) return next;
    path = next;
  }
  return undefined;
}
