// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { AshlarError } from "../base/index.ts";
import type { Entry, Tree } from "../formats/index.ts";
import { mountPoints } from "./environment.ts";
import type { SandboxMount } from "./sandbox.ts";
import { treeLookup } from "./tree-lookup.ts";

export interface MountRequest {
  /** The run's directory. */
  readonly dir: string;
  readonly root: Tree;
  readonly mounts: readonly SandboxMount[];
  /** The working directory; made where it is not there, as container engines do. */
  readonly cwd: string;
}

/**
 * Writes `mounts.sh`, the launcher's part that mounts what a session sees of the host. Places that the root has
 * not are made in the lowest layer, where they cost the root nothing; paths are followed in the tree and never on
 * the disk, where a symlink of the image would lead out of it. Throws `SANDBOX_MOUNT`.
 */
export function writeSessionMounts({ dir, root, mounts, cwd }: MountRequest): void {
  const lookUp = placeIn(root);
  const script: string[] = [];
  const taken: string[] = [];
  for (const mount of mounts) {
    const kind = kindOfSource(mount);
    const place = lookUp(mount.target, kind);
    verifyFree(mount, place.path, taken);
    taken.push(place.path);
    script.push(...(place.there ? [] : makeLines(dir, place.path, kind)), ...mountLines(mount, place.path));
  }
  const place = lookUp(cwd, "dir");
  const isMounted = taken.some((target) => place.path === target || place.path.startsWith(`${target}/`));
  if (!place.there && !isMounted) script.unshift(...makeLines(dir, place.path, "dir"));
  writeFileSync(join(dir, "mounts.sh"), script.map((line) => `${line}\n`).join(""));
}

type Kind = "dir" | "file";

interface Place {
  /** Relative, without a symlink on the way. */
  readonly path: string;
  readonly there: boolean;
}

function placeIn(root: Tree): (target: string, kind: Kind) => Place {
  const lookUp = treeLookup(root);
  return (target, kind) => {
    const found = lookUp(target);
    if (found === undefined) throw mountError(target, "its symlinks go in a circle");
    const { path, entry } = found;
    for (let above = dirname(path); above !== "."; above = dirname(above)) {
      const way = lookUp(above)?.entry;
      if (way !== undefined && way.type !== "dir") throw mountError(target, `"/${above}" is a ${way.type}`);
    }
    if (entry !== undefined && kindOf(entry) !== kind) {
      throw mountError(target, `the image has a ${entry.type} there, want a ${kind}`);
    }
    return { path, there: path === "" || entry !== undefined || mountPoints.some((name) => name === path) };
  };
}

function kindOf(entry: Entry): Kind | undefined {
  return entry.type === "dir"
    ? "dir"
    : entry.type === "file" || entry.type === "hardlink"
      ? "file"
      : undefined;
}

function kindOfSource({ source, target }: SandboxMount): Kind {
  const stat = statSync(source, { throwIfNoEntry: false });
  if (stat === undefined) throw mountError(target, `"${source}" is not there`);
  if (stat.isDirectory()) return "dir";
  if (stat.isFile()) return "file";
  throw mountError(target, `"${source}" is neither a directory nor a file`);
}

/** The file systems of the kernel stay what they are, and no mount hides another. */
function verifyFree({ target }: SandboxMount, path: string, taken: readonly string[]): void {
  const [top] = path.split("/");
  if (path === "" || top === "proc" || top === "sys" || top === "dev") {
    throw mountError(target, "want a place of the image's own files");
  }
  const other = taken.find((one) => `${one}/`.startsWith(`${path}/`) || `${path}/`.startsWith(`${one}/`));
  if (other !== undefined) throw mountError(target, `something else is mounted at "/${other}"`);
}

/** Makes what something is mounted on, or the script's lines for it where the place lies in a memory file system. */
function makeLines(dir: string, path: string, kind: Kind): string[] {
  const isInMemory = mountPoints.some((name) => path.startsWith(`${name}/`));
  if (isInMemory) {
    const whole = quote(`root/${path}`);
    return kind === "dir"
      ? [`mkdir -p ${whole}`]
      : [`mkdir -p ${quote(dirname(`root/${path}`))}`, `: >${whole}`];
  }
  const point = join(dir, "points", path);
  mkdirSync(kind === "dir" ? point : dirname(point), { recursive: true, mode: 0o755 });
  if (kind === "file") writeFileSync(point, "", { mode: 0o644 });
  return [];
}

function mountLines({ source, writable }: SandboxMount, path: string): string[] {
  const target = quote(`root/${path}`);
  const options = writable ? "remount,bind,nosuid,nodev" : "remount,bind,nosuid,nodev,ro";
  return [`mount --bind ${quote(source)} ${target}`, `mount -o ${options} ${target}`];
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function mountError(target: string, fault: string): AshlarError {
  return new AshlarError("SANDBOX_MOUNT", `Cannot mount at "${target}": ${fault}`);
}
