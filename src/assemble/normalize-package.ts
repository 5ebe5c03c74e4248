// SPDX-License-Identifier: Apache-2.0
import { AshlarError, type ImagePath, parsePath } from "../base/index.ts";
import { type Entry, type FileEntry, makeTree, type Tree } from "../formats/index.ts";
import type { UnpackedPackage } from "./content.ts";
import { settleHardlinks } from "./hardlinks.ts";
import { addParents } from "./parents.ts";

/** Directories at the root that are links to the one of the same name in /usr (merged /usr). */
export const mergedDirectories = ["bin", "lib", "lib32", "lib64", "libo32", "libx32", "sbin"] as const;

/** Directories that Debian keeps as links since /run exists; base-files' postinst makes them. */
export const runAliases: ReadonlyMap<string, string> = new Map([
  ["var/run", "run"],
  ["var/lock", "run/lock"],
]);

/** Which links of its own a root has that packages' paths lead through. */
export interface RootLayout {
  readonly usrMerged: boolean;
  /** Whether /var/run and /var/lock are links; in a full installation base-files' postinst makes them. */
  readonly runLinked: boolean;
}

const idMax = 2 ** 32 - 2;

/**
 * Brings a package's tree to the form images have: times 0, nothing at the root that belongs into /usr, no
 * entry that a consumer of layers would take for something else. Throws `ASSEMBLE_PACKAGE_INVALID` naming
 * the package and the path.
 */
export function normalizePackage(unpacked: UnpackedPackage, layout: RootLayout): UnpackedPackage {
  const refuse = refuseFor(unpacked);
  const files = new Map<ImagePath, FileEntry>();
  const entries = new Map<ImagePath, Entry>();
  for (const entry of unpacked.tree) {
    check(entry, refuse);
    const moved = moveEntry(entry, layout, refuse);
    if (moved === undefined) continue;
    const before = entries.get(moved.path);
    if (before !== undefined && !(before.type === "dir" && moved.type === "dir")) {
      throw refuse(entry.path, `it falls together with another entry at "/${moved.path}"`);
    }
    if (moved.type === "file") files.set(moved.path, moved);
    entries.set(moved.path, before !== undefined && before.mode !== 0o755 ? before : moved);
    if (moved.path !== entry.path) addParents(entries, moved.path);
  }
  const settled = settleHardlinks([...entries.values()], (target) => files.get(target));
  return { ...unpacked, tree: makeTree(settled) };
}

type Refuse = (path: string, fault: string) => AshlarError;

function refuseFor({ locked }: UnpackedPackage): Refuse {
  return (path, fault) =>
    new AshlarError(
      "ASSEMBLE_PACKAGE_INVALID",
      `Cannot install package "${locked.name}" ${locked.version}: "/${path}": ${fault}`,
      { details: { package: locked.name, version: locked.version, path: `/${path}` } },
    );
}

function check(entry: Entry, refuse: Refuse): void {
  if (entry.type === "char" || entry.type === "block") throw refuse(entry.path, `a ${entry.type} device, want none`);
  if (/(^|\/)\.wh\./.test(entry.path)) throw refuse(entry.path, "a layer would take it for a deletion");
  if (entry.uid > idMax || entry.gid > idMax)
    throw refuse(entry.path, `owner ${entry.uid}:${entry.gid} is no Linux id`);
  for (const name of Object.keys(entry.xattrs ?? {})) {
    if (/^(user|trusted)\.overlay\./.test(name)) throw refuse(entry.path, `attribute "${name}" belongs to overlayfs`);
  }
}

/** The entry at its place in a merged tree; undefined where the image's own link stands there. */
function moveEntry(entry: Entry, layout: RootLayout, refuse: Refuse): Entry | undefined {
  const timeless = entry.mtimeSeconds === 0 ? entry : { ...entry, mtimeSeconds: 0 };
  const alias = layout.runLinked ? runAliases.get(entry.path) : undefined;
  if (alias !== undefined)
    return entry.type === "dir" || isLinkTo(entry, alias) ? undefined : deny(entry, alias, refuse);
  if (layout.usrMerged && isMergedDirectory(entry.path)) {
    if (isLinkTo(entry, `usr/${entry.path}`)) return timeless;
    if (entry.type !== "dir") return deny(entry, `usr/${entry.path}`, refuse);
  }
  const path = finalPath(entry.path, layout);
  const target = timeless.type === "hardlink" ? finalPath(timeless.target, layout) : undefined;
  if (path === entry.path && (timeless.type !== "hardlink" || target === timeless.target)) return timeless;
  return target === undefined ? { ...timeless, path } : ({ ...timeless, path, target } as Entry);
}

function deny(entry: Entry, target: string, refuse: Refuse): never {
  throw refuse(entry.path, `a ${entry.type}, where a link to "/${target}" must be`);
}

function isLinkTo(entry: Entry, target: string): boolean {
  return entry.type === "symlink" && entry.target.replace(/^(\/|(\.\.\/)+)/, "").replace(/\/+$/, "") === target;
}

function isMergedDirectory(path: string): boolean {
  return (mergedDirectories as readonly string[]).includes(path);
}

/** Where a package's path ends up once the image's own links are followed. */
export function finalPath(path: ImagePath, { usrMerged, runLinked }: RootLayout): ImagePath {
  const first = path.indexOf("/");
  const top = first < 0 ? path : path.slice(0, first);
  if (usrMerged && isMergedDirectory(top)) return parsePath(`usr/${path}`);
  if (top !== "var" || !runLinked) return path;
  for (const [from, to] of runAliases) {
    if (path.startsWith(`${from}/`)) return parsePath(`${to}${path.slice(from.length)}`);
  }
  return path;
}

/** The links of merged /usr that a tree needs: the three that are everywhere, and one for each ABI directory in use. */
export function mergedLinks(tree: Tree): readonly Entry[] {
  const present = new Set<string>(tree.map((entry) => entry.path));
  const links: Entry[] = [];
  for (const name of mergedDirectories) {
    const always = name === "bin" || name === "sbin" || name === "lib";
    if (present.has(name) || !(always || present.has(`usr/${name}`))) continue;
    const meta = { mode: 0o777, uid: 0, gid: 0, mtimeSeconds: 0 };
    links.push({ ...meta, type: "symlink", path: name as ImagePath, target: `usr/${name}` });
  }
  return links;
}
