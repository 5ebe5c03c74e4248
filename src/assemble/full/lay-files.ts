// SPDX-License-Identifier: Apache-2.0
import { AshlarError, type ImagePath, parentOf, parsePath } from "../../base/index.ts";
import { type Diversion, versionFits } from "../../debian/index.ts";
import { type Entry, makeTree } from "../../formats/index.ts";
import { isSameEntry, type OwnedTree } from "../merge-trees.ts";
import { addParents } from "../parents.ts";
import { PathResolver } from "../path-resolver.ts";
import type { DescribedPackage } from "./describe-package.ts";

/** Gives the package that an owner's id names, of those installed or being installed. */
export type PackageOf = (id: string) => DescribedPackage | undefined;

/**
 * Puts the files of packages onto a root as dpkg unpacks them, in the order given: a directory that is there
 * stays as it is, links to directories are followed, what no package owns is overwritten, and a file of
 * another package goes to whoever `Replaces` the other. The trees are normalised and their diverted paths
 * moved. Throws `ASSEMBLE_CONFLICT`.
 */
export function layFiles(below: OwnedTree, packages: readonly DescribedPackage[], packageOf: PackageOf): OwnedTree {
  const laying = new Laying(below, packageOf);
  for (const item of packages) laying.add(item);
  return laying.finish();
}

class Laying {
  readonly #entries: Map<ImagePath, Entry>;
  readonly #owners: Map<ImagePath, string>;
  readonly #packageOf: PackageOf;

  constructor(below: OwnedTree, packageOf: PackageOf) {
    this.#entries = new Map(below.tree.map((entry) => [entry.path, entry]));
    this.#owners = new Map(below.owners);
    this.#packageOf = packageOf;
  }

  add(item: DescribedPackage): void {
    const moved = new Map<ImagePath, ImagePath>();
    for (const entry of item.tree) {
      const path = this.#realPath(entry, moved);
      if (path !== entry.path) moved.set(entry.path, path);
      this.#put(path === entry.path ? entry : { ...entry, path }, item);
    }
  }

  /** Where an entry ends up: below a link to a directory it goes into that directory. */
  #realPath(entry: Entry, moved: ReadonlyMap<ImagePath, ImagePath>): ImagePath {
    const parent = parentOf(entry.path);
    const above = parent === undefined ? undefined : moved.get(parent);
    const path = above === undefined ? entry.path : parsePath(`${above}/${entry.path.slice((parent as string).length + 1)}`);
    const there = this.#entries.get(path);
    if (entry.type !== "dir" || there?.type !== "symlink") return path;
    const real = new PathResolver(this.#entries).realPath(path);
    const isDirectory = real !== undefined && real !== "" && this.#entries.get(real as ImagePath)?.type === "dir";
    return isDirectory ? (real as ImagePath) : path;
  }

  #put(entry: Entry, by: DescribedPackage): void {
    const before = this.#entries.get(entry.path);
    if (before !== undefined && !this.#mayPlace(before, entry, by)) return;
    this.#entries.set(entry.path, entry);
    this.#owners.set(entry.path, by.id);
    for (const made of addParents(this.#entries, entry.path)) this.#owners.set(made, by.id);
  }

  /** Tells whether the new entry takes the old one's place; where it stays the old one does. */
  #mayPlace(before: Entry, entry: Entry, by: DescribedPackage): boolean {
    const owner = this.#packageOf(this.#owners.get(entry.path) ?? "");
    if (before.type === "dir") {
      // The directory of a package that means something by its mode or owner wins over root's 0755.
      if (entry.type === "dir") return isPlain(before) && !isPlain(entry) && owner?.locked.name !== "base-files";
      if (entry.type === "symlink") return false;
      throw conflict(entry, by, owner);
    }
    if (owner === undefined || owner.id === by.id) return true;
    if (owner.locked.name === by.locked.name && isSameEntry(before, entry)) return false;
    if (replaces(by, owner)) return true;
    if (replaces(owner, by)) return false;
    throw conflict(entry, by, owner);
  }

  finish(): OwnedTree {
    return { tree: makeTree(this.#entries.values()), owners: this.#owners };
  }
}

function isPlain({ mode, uid, gid }: Entry): boolean {
  return mode === 0o755 && uid === 0 && gid === 0;
}

function replaces(winner: DescribedPackage, { locked }: DescribedPackage): boolean {
  return winner.replaces.flat().some((relation) => relation.name === locked.name && versionFits(relation, locked.version));
}

function conflict(entry: Entry, by: DescribedPackage, owner: DescribedPackage | undefined): AshlarError {
  const [first, second] = [owner?.locked.name ?? "the root below", by.locked.name];
  const message = `Cannot install packages "${first}" and "${second}" together: both have "/${entry.path}", want one owner`;
  const hint = "leave out one of them, or reduce one with `system.only`";
  return new AshlarError("ASSEMBLE_CONFLICT", message, { hint, details: { path: `/${entry.path}`, packages: [first, second] } });
}

/** Moves what a diversion of another package claims; paths are those of the archive, before /usr is merged. */
export function divertFiles(item: DescribedPackage, diversions: readonly Diversion[]): DescribedPackage {
  const to = new Map(diversions.filter(({ by }) => by !== item.locked.name).map((record) => [record.from, record.to]));
  if (to.size === 0 || !item.tree.some(({ path }) => to.has(path))) return item;
  const moved = item.tree.map((entry): Entry => {
    const path = entry.type === "dir" ? entry.path : (to.get(entry.path) ?? entry.path);
    if (entry.type !== "hardlink") return { ...entry, path };
    return { ...entry, path, target: to.get(entry.target) ?? entry.target };
  });
  const conffiles = item.conffiles.map((path) => to.get(path) ?? path);
  return { ...item, tree: makeTree(moved), conffiles };
}
