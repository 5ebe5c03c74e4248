// SPDX-License-Identifier: Apache-2.0
import { type ImagePath, parentOf } from "../base/index.ts";
import type { Entry, Tree } from "../formats/index.ts";
import { fixedEnvironment, mountPoints } from "./environment.ts";
import type { SandboxCommand } from "./sandbox.ts";
import { runError } from "./sandbox-error.ts";

const symlinksMax = 40;

/**
 * Proves that a root has the program and the working directory of a command, so that all backends fail alike.
 * Throws `SANDBOX_START`.
 */
export function verifyCommand({
  root,
  command,
}: {
  readonly root: Tree;
  readonly command: SandboxCommand;
}): void {
  const { argv, env, cwd = "/" } = command;
  const [program] = argv;
  if (program === undefined || program === "") throw new Error("internal error: a command without a program");
  const lookUp = treeLookup(root);
  if (!isDirectory(lookUp, cwd)) throw runError("START", argv, `its directory "${cwd}" is not in the root`);
  const searchPath = env?.["PATH"] ?? (fixedEnvironment["PATH"] as string);
  if (findProgram(lookUp, program, searchPath, cwd)) return;
  throw runError("START", argv, `there is no program "${program}" in the root`, {
    hint: "add the package that has it to what is installed, or to the tools of the step",
  });
}

function isDirectory(lookUp: Lookup, path: string): boolean {
  const entry = lookUp(path);
  return (
    entry === "root" || entry?.type === "dir" || (mountPoints as readonly string[]).includes(path.slice(1))
  );
}

type Lookup = (path: string) => Entry | "root" | undefined;

/** Looks paths up in a tree as the kernel does: through symlinks, never above the root. */
function treeLookup(tree: Tree): Lookup {
  const entries = new Map(tree.map((entry) => [entry.path as string, entry]));
  return (path) => {
    const parts = path.split("/");
    let at = "";
    for (let links = 0; parts.length > 0;) {
      const part = parts.shift() as string;
      if (part === "" || part === ".") continue;
      if (part === "..") {
        at = parentOf(at as ImagePath) ?? "";
        continue;
      }
      const next = at === "" ? part : `${at}/${part}`;
      const entry = entries.get(next);
      if (entry === undefined) return undefined;
      if (entry.type !== "symlink") at = next;
      else if (++links > symlinksMax) return undefined;
      else {
        parts.unshift(...entry.target.split("/"));
        if (entry.target.startsWith("/")) at = "";
      }
    }
    return at === "" ? "root" : entries.get(at);
  };
}

function findProgram(lookUp: Lookup, name: string, searchPath: string, cwd: string): boolean {
  const own = name.startsWith("/") ? [name] : [`${cwd}/${name}`];
  const paths = name.includes("/") ? own : searchPath.split(":").map((dir) => `${dir}/${name}`);
  return paths.some((path) => {
    // What lies on a file system of the sandbox shows when it runs.
    if ((mountPoints as readonly string[]).includes(path.split("/")[1] ?? "")) return true;
    const entry = lookUp(path);
    if (entry === undefined || entry === "root") return false;
    return (entry.type === "file" || entry.type === "hardlink") && (entry.mode & 0o111) !== 0;
  });
}
