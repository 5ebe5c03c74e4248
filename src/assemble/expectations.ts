// SPDX-License-Identifier: Apache-2.0
import { AshlarError, type ImagePath } from "../base/index.ts";
import type { FileEntry, Tree } from "../formats/index.ts";
import type { LockedPackage } from "../lock/index.ts";
import type { ExpectDocument } from "../spec/index.ts";
import { PathResolver } from "./path-resolver.ts";
import { sizeOf } from "./strip-tree.ts";

/** Programs that run command lines; busybox and toybox are shells whether or not they are linked as sh. */
const shells = ["ash", "bash", "busybox", "csh", "dash", "fish", "ksh", "mksh", "rbash", "sh", "tcsh", "toybox", "zsh"];
const shellDirectories = ["bin", "sbin", "usr/bin", "usr/sbin", "usr/local/bin", "usr/local/sbin"];
const shownMax = 10;

export interface ExpectInput {
  readonly tree: Tree;
  readonly packages: readonly Pick<LockedPackage, "name" | "use" | "by">[];
  readonly owners?: ReadonlyMap<ImagePath, string>;
}

/**
 * Holds an image against the promises of its spec. Throws `POLICY_SIZE`, `POLICY_SHELL`, `POLICY_SETUID` or
 * `POLICY_DENIED` naming the paths or packages; where several are broken, `POLICY_VIOLATED` with all of them.
 */
export function verifyExpectations(expect: ExpectDocument, input: ExpectInput): void {
  const errors = [
    sizeError(expect, input),
    shellError(expect, input),
    setuidError(expect, input),
    denyError(expect, input),
  ];
  const [first, ...others] = errors.filter((error) => error !== undefined);
  if (first === undefined) return;
  if (others.length === 0) throw first;
  const all = [first, ...others];
  throw new AshlarError("POLICY_VIOLATED", `Cannot accept the image: it breaks ${all.length} promises of its spec`, {
    because: all.flatMap((error) => [error.message, ...error.because]),
    details: { codes: all.map((error) => error.code) },
  });
}

function sizeError({ maxSizeBytes }: ExpectDocument, { tree, owners }: ExpectInput): AshlarError | undefined {
  if (maxSizeBytes === undefined) return undefined;
  const sizeBytes = sizeOf(tree);
  if (sizeBytes <= maxSizeBytes) return undefined;
  const message = `Cannot accept the image: its files have ${sizeBytes} bytes, at most ${maxSizeBytes} are expected`;
  const because = largest(tree, owners).map(([name, bytes]) => `${name}: ${bytes} bytes`);
  const hint = "leave packages out, strip more, or raise `expect.maxSize`";
  return new AshlarError("POLICY_SIZE", message, { because, hint, details: { sizeBytes, maxSizeBytes } });
}

/** What takes most space, by owner; by path where owners are not known. */
function largest(
  tree: Tree,
  owners: ReadonlyMap<ImagePath, string> | undefined,
): readonly (readonly [string, number])[] {
  const sums = new Map<string, number>();
  for (const entry of tree) {
    if (entry.type !== "file") continue;
    const name = owners?.get(entry.path) ?? `/${entry.path}`;
    sums.set(name, (sums.get(name) ?? 0) + entry.sizeBytes);
  }
  return [...sums].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).slice(0, shownMax);
}

function shellError({ shell }: ExpectDocument, { tree }: ExpectInput): AshlarError | undefined {
  if (shell === undefined) return undefined;
  const resolver = new PathResolver(tree);
  if (shell) {
    if (resolver.resolve("/bin/sh")?.type === "file") return undefined;
    const hint = "add dash to `system.packages`";
    return new AshlarError("POLICY_SHELL", "Cannot accept the image: it has no /bin/sh, want a shell", { hint });
  }
  const names = new Set(shellDirectories.flatMap((dir) => shells.map((name) => `${dir}/${name}`)));
  const paths = tree.filter((entry) => names.has(entry.path) && entry.type !== "dir").map((entry) => entry.path);
  if (paths.length === 0) return undefined;
  return pathsError("POLICY_SHELL", "it has a shell, want none", { paths, hint: "use `why` to see what pulls it in" });
}

function setuidError({ setuid }: ExpectDocument, { tree }: ExpectInput): AshlarError | undefined {
  if (setuid !== false) return undefined;
  const paths = tree.filter(isSetuid).map((entry) => entry.path);
  if (paths.length === 0) return undefined;
  const hint = "leave the package out, or reduce it with `system.only`";
  return pathsError("POLICY_SETUID", "it has setuid or setgid programs, want none", { paths, hint });
}

/** A setgid directory only hands its group on; a setgid program is one. */
function isSetuid(entry: Tree[number]): entry is FileEntry {
  return entry.type === "file" && (entry.mode & 0o6000) !== 0 && (entry.mode & 0o111) !== 0;
}

function denyError({ deny }: ExpectDocument, { packages }: ExpectInput): AshlarError | undefined {
  const denied = new Set(deny);
  const found = packages.filter((item) => item.use === "install" && denied.has(item.name));
  if (found.length === 0) return undefined;
  const names = found.map((item) => item.name);
  const list = names.map((name) => `"${name}"`).join(", ");
  const message = `Cannot accept the image: it holds ${list}, which \`expect.deny\` names`;
  const because = found.map((item) => `${item.name} is there because of ${item.by.join(", ")}`);
  return new AshlarError("POLICY_DENIED", message, { because, details: { packages: names } });
}

function pathsError(
  code: string,
  fault: string,
  { paths, hint }: { readonly paths: readonly ImagePath[]; readonly hint: string },
): AshlarError {
  const because = paths.slice(0, shownMax).map((path) => `/${path}`);
  if (paths.length > shownMax) because.push(`and ${paths.length - shownMax} more`);
  const details = { paths: paths.map((path) => `/${path}`) };
  return new AshlarError(code, `Cannot accept the image: ${fault}`, { because, hint, details });
}
