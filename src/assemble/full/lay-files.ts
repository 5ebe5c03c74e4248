// SPDX-License-Identifier: Apache-2.0
import {
  AshlarError,
  baseNameOf,
  comparePaths,
  type ImagePath,
  parentOf,
  parsePath,
} from "../../base/index.ts";
import { type Diversion, versionFits } from "../../debian/index.ts";
import { type Entry, type FileEntry, type HardlinkEntry, makeTree } from "../../formats/index.ts";
import { settleHardlinks } from "../hardlinks.ts";
import { isSameEntry, type OwnedTree } from "../merge-trees.ts";
import { addParents } from "../parents.ts";
import { PathResolver } from "../path-resolver.ts";
import { type DescribedPackage, placeOf } from "./describe-package.ts";

/** Gives the package that an owner's id names, of those installed or being installed. */
export type PackageOf = (id: string) => DescribedPackage | undefined;

/** A root with files of packages, as dpkg leaves them before it configures the packages. */
export interface LaidRoot {
  readonly owned: OwnedTree;
  /** Conffiles under the names that dpkg gives them until then. */
  readonly newConffiles: ReadonlySet<ImagePath>;
  /** By package id, the places of its files that another package replaces: dpkg drops them from its list. */
  readonly replaced: ReadonlyMap<string, ReadonlySet<ImagePath>>;
}

/**
 * Puts the files of packages onto a root as dpkg unpacks them, in the order given: a directory that is there
 * stays as it is, links to directories are followed, what no package owns is overwritten, and a file of
 * another package goes to whoever `Replaces` the other. Of directories that come together the one that means
 * something by its mode or owner wins over root's 0755, in whatever order. Conffiles become NAME.dpkg-new.
 * The trees are normalised and their diverted paths moved. Throws `ASSEMBLE_CONFLICT`.
 */
export function layFiles(
  below: OwnedTree,
  packages: readonly DescribedPackage[],
  packageOf: PackageOf,
): LaidRoot {
  const laying = new Laying(below, packageOf);
  for (const item of packages) laying.add(item);
  return laying.finish();
}

class Laying {
  readonly #entries: Map<ImagePath, Entry>;
  readonly #owners: Map<ImagePath, string>;
  readonly #packageOf: PackageOf;
  /** Directories that these packages brought. */
  readonly #made = new Set<ImagePath>();
  readonly #newConffiles = new Set<ImagePath>();
  readonly #replaced = new Map<string, Set<ImagePath>>();
  /** By file, its other names. */
  readonly #links = new Map<ImagePath, Set<ImagePath>>();

  constructor(below: OwnedTree, packageOf: PackageOf) {
    this.#entries = new Map(below.tree.map((entry) => [entry.path, entry]));
    this.#owners = new Map(below.owners);
    this.#packageOf = packageOf;
    for (const entry of below.tree) if (entry.type === "hardlink") this.#addLink(entry);
  }

  add(item: DescribedPackage): void {
    const conffiles = new Set(item.conffiles.map(({ path }) => placeOf(item, path)));
    const moved = new Map<ImagePath, ImagePath>();
    const placed: Entry[] = [];
    const files = new Map<ImagePath, FileEntry>();
    for (const entry of item.tree) {
      const path = this.#realPath(entry, moved);
      const isConffile = entry.type !== "dir" && conffiles.has(entry.path);
      const place = isConffile ? parsePath(`${path}.dpkg-new`) : path;
      if (place !== entry.path) moved.set(entry.path, place);
      const target = entry.type === "hardlink" ? (moved.get(entry.target) ?? entry.target) : undefined;
      const made = { ...entry, path: place, ...(target && { target }) } as Entry;
      if (made.type === "file") files.set(place, made);
      if (this.#mayTake(path, made, item)) placed.push(made);
      if (isConffile) this.#newConffiles.add(place);
    }
    for (const entry of settleHardlinks(placed, (target) => files.get(target))) this.#put(entry, item);
  }

  /** Where an entry ends up: below a link to a directory it goes into that directory. */
  #realPath(entry: Entry, moved: ReadonlyMap<ImagePath, ImagePath>): ImagePath {
    const parent = parentOf(entry.path);
    const above = parent === undefined ? undefined : moved.get(parent);
    const path = above === undefined ? entry.path : parsePath(`${above}/${baseNameOf(entry.path)}`);
    const there = this.#entries.get(path);
    if (entry.type !== "dir" || there?.type !== "symlink") return path;
    const real = new PathResolver(this.#entries).realPath(path);
    const isDirectory =
      real !== undefined && real !== "" && this.#entries.get(real as ImagePath)?.type === "dir";
    return isDirectory ? (real as ImagePath) : path;
  }

  /** Tells whether a package gets a path, under which an entry that may have another name now is known later. */
  #mayTake(path: ImagePath, entry: Entry, by: DescribedPackage): boolean {
    const before = this.#entries.get(path);
    const owner = this.#packageOf(this.#owners.get(path) ?? "");
    if (before?.type === "dir") {
      if (entry.type === "dir")
        return (
          this.#made.has(path) && isPlain(before) && !isPlain(entry) && owner?.locked.name !== "base-files"
        );
      if (entry.type === "symlink") return false;
      if (!this.#removeUnowned(path)) throw conflict(path, by, owner);
    }
    if (owner !== undefined && owner.id !== by.id && !this.#mayReplace(owner, { path, entry, by }))
      return false;
    this.#owners.set(path, by.id);
    return true;
  }

  /** A directory that no package has gives way to a file, with all that is in it. */
  #removeUnowned(path: ImagePath): boolean {
    const below = [...this.#entries.keys()].filter((other) => other === path || other.startsWith(`${path}/`));
    if (below.some((other) => this.#packageOf(this.#owners.get(other) ?? "") !== undefined)) return false;
    for (const other of below.reverse()) {
      this.#displace(other);
      this.#entries.delete(other);
      this.#owners.delete(other);
    }
    return true;
  }

  #mayReplace(
    owner: DescribedPackage,
    { path, entry, by }: { path: ImagePath; entry: Entry; by: DescribedPackage },
  ): boolean {
    const before = this.#entries.get(entry.path) ?? this.#entries.get(path);
    if (owner.locked.name === by.locked.name && before !== undefined && isSameEntry(before, entry))
      return false;
    const isFirst = replaces(by, owner);
    if (!isFirst && !replaces(owner, by)) throw conflict(path, by, owner);
    const { id } = isFirst ? owner : by;
    this.#replaced.set(id, (this.#replaced.get(id) ?? new Set()).add(path));
    return isFirst;
  }

  #put(entry: Entry, by: DescribedPackage): void {
    const { path } = entry;
    this.#displace(path);
    this.#entries.set(path, entry);
    this.#owners.set(path, by.id);
    if (entry.type === "dir") this.#made.add(path);
    if (entry.type === "hardlink") this.#addLink(entry);
    for (const made of addParents(this.#entries, path)) {
      this.#owners.set(made, by.id);
      this.#made.add(made);
    }
  }

  #addLink({ path, target }: HardlinkEntry): void {
    this.#links.set(target, (this.#links.get(target) ?? new Set()).add(path));
  }

  /** Other names of a file that is about to go stay what they are. */
  #displace(path: ImagePath): void {
    const before = this.#entries.get(path);
    if (before?.type === "hardlink") this.#links.get(before.target)?.delete(path);
    const names = [...(this.#links.get(path) ?? [])].sort(comparePaths);
    const [first, ...others] = names;
    if (before?.type !== "file" || first === undefined) return;
    this.#links.delete(path);
    this.#entries.set(first, { ...before, path: first });
    for (const other of others) {
      const link = { ...(this.#entries.get(other) as HardlinkEntry), target: first };
      this.#entries.set(other, link);
      this.#addLink(link);
    }
  }

  finish(): LaidRoot {
    const owned = { tree: makeTree(this.#entries.values()), owners: this.#owners };
    return { owned, newConffiles: this.#newConffiles, replaced: this.#replaced };
  }
}

function isPlain({ mode, uid, gid }: Entry): boolean {
  return mode === 0o755 && uid === 0 && gid === 0;
}

function replaces(winner: DescribedPackage, { locked }: DescribedPackage): boolean {
  return winner.replaces
    .flat()
    .some((relation) => relation.name === locked.name && versionFits(relation, locked.version));
}

function conflict(path: ImagePath, by: DescribedPackage, owner: DescribedPackage | undefined): AshlarError {
  const [first, second] = [owner?.locked.name ?? "the root below", by.locked.name];
  const message = `Cannot install packages "${first}" and "${second}" together: both have "/${path}", want one owner`;
  const hint = "leave out one of them, or reduce one with `system.only`";
  return new AshlarError("ASSEMBLE_CONFLICT", message, {
    hint,
    details: { path: `/${path}`, packages: [first, second] },
  });
}

/** Moves what a diversion of another package claims; paths are those of the archive, before /usr is merged. */
export function divertFiles(item: DescribedPackage, diversions: readonly Diversion[]): DescribedPackage {
  const others = diversions.filter(({ by }) => by !== item.locked.name);
  const diverted = new Map(others.map(({ from, to }) => [from, to]));
  if (diverted.size === 0) return item;
  const moved = item.tree.map((entry): Entry => {
    const path = entry.type === "dir" ? entry.path : (diverted.get(entry.path) ?? entry.path);
    if (entry.type !== "hardlink") return { ...entry, path };
    return { ...entry, path, target: diverted.get(entry.target) ?? entry.target };
  });
  const files = new Map(
    moved.flatMap((entry) => (entry.type === "file" ? [[entry.path, entry] as const] : [])),
  );
  return { ...item, tree: makeTree(settleHardlinks(moved, (target) => files.get(target))), diverted };
}
