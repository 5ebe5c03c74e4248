// SPDX-License-Identifier: Apache-2.0
import picomatch from "picomatch";

import { AshlarError, compareOrdinal, parsePath } from "../base/index.ts";
import type { ProjectFile, ProjectFiles } from "./project-files.ts";

/** A file of the project that an item of `app` takes. */
export interface SelectedFile {
  readonly file: ProjectFile;
  /** Its path below the fixed part of the glob, or of all globs of the item: where it lands below `to`. */
  readonly below: string;
}

export interface Selection {
  /** Sorted by `below`. */
  readonly files: readonly SelectedFile[];
  /** Globs and directories were named, and not one single file. */
  readonly isMany: boolean;
}

/** A glob of `from`, taken apart. */
interface Wanted {
  readonly glob: string;
  /** The directories before the first component with a wildcard; the whole path where there is no wildcard. */
  readonly base: string;
  readonly isGlob: boolean;
}

/**
 * Selects files of the project. Only what is named is taken: a wildcard passes over names that start with a
 * dot and over node_modules unless the glob spells them, and stops at what looks like a secret. Throws
 * `ASSEMBLE_APP_EMPTY` for a glob without files, `ASSEMBLE_APP_OUTSIDE` for one that leaves the project, and
 * `POLICY_SECRET`.
 */
export function selectFiles(from: readonly string[], exclude: readonly string[], project: ProjectFiles): Selection {
  const isExcluded = excluder(exclude);
  const found = new Map<string, SelectedFile>();
  let isMany = from.length > 1;
  const all = from.map((text) => ({ text, wanted: takeApart(text) }));
  const start = commonDirectory(all.map(({ wanted }) => wanted));
  for (const { text, wanted } of all) {
    const files = filesOf(wanted, start ?? wanted.base, { isExcluded, project });
    if (files.length === 0) throw nothing(text, project);
    isMany ||= wanted.isGlob || files[0]?.file.path !== wanted.base;
    for (const item of files) found.set(item.below, item);
  }
  return { files: [...found.values()].sort((a, b) => compareOrdinal(a.below, b.below)), isMany };
}

/** Of several globs the directory that holds them all: they keep their places to each other. */
function commonDirectory(all: readonly Wanted[]): string | undefined {
  if (all.length <= 1) return undefined;
  const paths = all.map(({ base, isGlob }) => (isGlob ? base.split("/") : base.split("/").slice(0, -1)));
  const [first = []] = paths;
  const end = first.findIndex((part, i) => paths.some((path) => path[i] !== part));
  return first.slice(0, end < 0 ? first.length : end).join("/");
}

function takeApart(text: string): Wanted {
  const glob = text.replace(/^(\.\/)+/, "").replace(/\/+$/, "");
  if (glob.startsWith("/") || glob.startsWith("!") || glob.split("/").includes("..")) throw outside(text);
  if (glob === "" || glob === ".") return { glob: "**", base: "", isGlob: true };
  const parts = glob.split("/");
  const first = parts.findIndex((part) => picomatch.scan(part).isGlob);
  if (first < 0) return { glob, base: parsePath(glob), isGlob: false };
  return { glob, base: parts.slice(0, first).join("/"), isGlob: true };
}

function outside(glob: string): AshlarError {
  const hint = "write globs relative to the spec's directory; what to leave out goes into `exclude`";
  return new AshlarError("ASSEMBLE_APP_OUTSIDE", `Cannot copy "${glob}": it leaves the project, want files inside it`, {
    hint,
  });
}

function excluder(exclude: readonly string[]): (path: string) => boolean {
  const globs = exclude.map((glob) => glob.replace(/^(\.\/)+/, "").replace(/\/+$/, ""));
  return picomatch(
    globs.flatMap((glob) => [glob, `${glob}/**`]),
    { dot: true },
  );
}

interface Looking {
  readonly isExcluded: (path: string) => boolean;
  readonly project: ProjectFiles;
}

/** The files that one glob takes; each lands where it is below `start`. */
function filesOf(wanted: Wanted, start: string, { isExcluded, project }: Looking): readonly SelectedFile[] {
  const { base, isGlob } = wanted;
  const below = (path: string): string => (start === "" ? path : path.slice(start.length + 1));
  if (!isGlob) {
    const [only] = [...project.walk(base, () => false)].filter((file) => file.path === base);
    if (only !== undefined) {
      const name = start === base ? base.slice(base.lastIndexOf("/") + 1) : below(base);
      return isExcluded(only.path) ? [] : [checked(only, name)];
    }
  }
  const glob = isGlob ? wanted.glob : `${base}/**`;
  const mayTake = (path: string): boolean => project.isWhole === true || maySpell(glob, path);
  const matches = picomatch(glob, { dot: project.isWhole === true });
  const enter = (dir: string): boolean => dir.length <= base.length || (mayTake(dir) && !isExcluded(dir));
  const files: SelectedFile[] = [];
  for (const file of project.walk(base, enter)) {
    if (!matches(file.path) || isExcluded(file.path) || !mayTake(file.path)) continue;
    if (looksSecret(file, project)) throw secret(file.path, glob);
    files.push(checked(file, below(file.path)));
  }
  return files;
}

/** Whether a wildcard may go on at a path: dotted names and node_modules only where the glob spells them. */
function maySpell(glob: string, path: string): boolean {
  const name = path.slice(path.lastIndexOf("/") + 1);
  if (name === "node_modules" || path.includes("node_modules/")) return glob.includes("node_modules");
  return !name.startsWith(".") || /(^|[/{,(|])\./.test(glob);
}

function checked(file: ProjectFile, below: string): SelectedFile {
  const target = file.symlinkTarget;
  if (target === undefined) return { file, below };
  let depth = file.path.split("/").length - 1;
  for (const part of target.split("/")) {
    depth += part === ".." ? -1 : part === "." || part === "" ? 0 : 1;
    if (depth < 0 || target.startsWith("/")) {
      const fault = `its target "${target}" is outside the project, want a relative one`;
      const message = `Cannot copy link "${file.path}": ${fault}`;
      throw new AshlarError("ASSEMBLE_APP_OUTSIDE", message, { hint: "use an item `link` for links inside the image" });
    }
  }
  return { file, below };
}

const secretNames = [
  /^id_(rsa|dsa|ecdsa|ed25519)(_sk)?$/i,
  /^\.(env(\..+)?|npmrc|netrc|pypirc|pgpass|htpasswd)$/i,
  /\.(p12|pfx|jks|keystore|kdbx|ppk)$/i,
];

function looksSecret(file: ProjectFile, project: ProjectFiles): boolean {
  const name = file.path.slice(file.path.lastIndexOf("/") + 1);
  if (file.symlinkTarget !== undefined) return false;
  if (secretNames.some((pattern) => pattern.test(name))) return true;
  if (!/\.(pem|key|crt|cer|asc|gpg)$/i.test(name)) return false;
  return Buffer.from(project.head(file.path)).toString("latin1").includes("PRIVATE KEY");
}

function secret(path: string, glob: string): AshlarError {
  const message = `Cannot copy "${path}" by "${glob}": it looks like a secret, want it named or excluded`;
  const hint = `add "${path}" to \`exclude\`, or to \`from\` if it belongs into the image`;
  return new AshlarError("POLICY_SECRET", message, { hint, details: { path } });
}

function nothing(glob: string, project: ProjectFiles): AshlarError {
  const base = takeApart(glob).base;
  const some = [...project.walk(base, () => true)].slice(0, 5).map((file) => file.path);
  const hint =
    some.length === 0
      ? `there is nothing at "${base === "" ? "." : base}" in the project`
      : `there are ${some.join(", ")}; names with a dot in front and node_modules must be spelt`;
  return new AshlarError("ASSEMBLE_APP_EMPTY", `Cannot copy "${glob}": it matches no file, want at least one`, {
    hint,
  });
}
