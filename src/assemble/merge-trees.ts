// SPDX-License-Identifier: Apache-2.0
import { AshlarError, byText, type ImagePath } from "../base/index.ts";
import { type DirEntry, type Entry, type FileEntry, makeTree, type Tree } from "../formats/index.ts";
import { type ContentReader, packageId, type UnpackedPackage } from "./content.ts";
import { settleHardlinks } from "./hardlinks.ts";
import { diverts, isMultiArchSame, replaces } from "./replaces.ts";

/** A tree, and who put each entry there: a package's id (`libc6:amd64`), or a step of ours such as `@accounts`. */
export interface OwnedTree {
  readonly tree: Tree;
  /** Of a directory that several packages have: the first of them. */
  readonly owners: ReadonlyMap<ImagePath, string>;
}

/** Owner of what no package of a foreign image below has. */
export const baseOwner = "@base";

/** An entry, and who puts it there. */
export interface OwnedEntry {
  readonly entry: Entry;
  readonly owner: string;
}

interface Claim {
  readonly entry: Entry;
  /** Undefined where the path comes from an image below. */
  readonly by: UnpackedPackage | undefined;
}

/**
 * Unites the trees of packages (normalised, stripped), optionally over those of an image below. The result
 * does not depend on their order. Directories are merged: base-files decides about its own, else a special
 * mode or owner wins over root's 0755, else the first package by id. A file that two packages have belongs to
 * the one that `Replaces` the other; packages of one name that are `Multi-Arch: same` share equal files. What
 * is below stays where it differs in nothing but its time, and gives way where no package has it, as with dpkg.
 * Anything else throws `ASSEMBLE_CONFLICT`, or `ASSEMBLE_DIVERSION` where only a maintainer script could
 * settle it.
 */
export function mergeTrees(
  packages: readonly UnpackedPackage[],
  { contents, below }: { readonly contents: ContentReader; readonly below?: OwnedTree | undefined },
): OwnedTree {
  const merge = new Merge(contents);
  if (below !== undefined) merge.addBelow(below);
  for (const item of inOrder(packages)) merge.add(item);
  return merge.finish();
}

function inOrder(packages: readonly UnpackedPackage[]): readonly UnpackedPackage[] {
  return [...packages].sort(byText(({ locked }) => `${locked.name === "base-files" ? 0 : 1}${packageId(locked)}`));
}

class Merge {
  readonly #contents: ContentReader;
  readonly #claims = new Map<ImagePath, Claim>();
  readonly #owners = new Map<ImagePath, string>();
  /** Packages that lost a file to another one: their hard links need a look. */
  readonly #losers = new Set<UnpackedPackage>();
  /** Files of a foreign image below that nobody owned and a package took the place of. */
  readonly #displaced = new Map<ImagePath, FileEntry>();

  constructor(contents: ContentReader) {
    this.#contents = contents;
  }

  addBelow({ tree, owners }: OwnedTree): void {
    for (const entry of tree) this.#claims.set(entry.path, { entry, by: undefined });
    for (const [path, owner] of owners) this.#owners.set(path, owner);
  }

  add(by: UnpackedPackage): void {
    const id = packageId(by.locked);
    for (const entry of by.tree) {
      const before = this.#claims.get(entry.path);
      const winner = before === undefined ? undefined : this.#choose(before, { entry, by });
      if (winner === before && before !== undefined) continue;
      this.#claims.set(entry.path, winner ?? { entry, by });
      if (before === undefined || entry.type !== "dir") this.#owners.set(entry.path, id);
    }
  }

  #choose(before: Claim, after: Claim): Claim {
    if (before.entry.type === "dir" && after.entry.type === "dir") {
      return isSpecial(after.entry) && !isSpecial(before.entry) && !isBaseFiles(before) ? after : before;
    }
    return this.#chooseFile(before, after);
  }

  #chooseFile(before: Claim, after: Claim): Claim {
    const isDirectory = before.entry.type === "dir" || after.entry.type === "dir";
    if (before.by === undefined) {
      const { mtimeSeconds } = before.entry;
      if (isSameEntry(before.entry, { ...after.entry, mtimeSeconds })) return before;
      if (this.#owners.get(before.entry.path) !== baseOwner || isDirectory) throw this.#conflict(before, after);
      if (before.entry.type === "file") this.#displaced.set(before.entry.path, before.entry);
      return after;
    }
    const [first, second] = [before.by, after.by as UnpackedPackage];
    if (first.locked.name === second.locked.name && this.#mayShare(before, after)) return before;
    const forward = !isDirectory && replaces(second, first, this.#contents);
    const backward = !isDirectory && replaces(first, second, this.#contents);
    if (forward === backward) throw this.#conflict(before, after);
    this.#losers.add(forward ? first : second);
    return forward ? after : before;
  }

  #mayShare(before: Claim, after: Claim): boolean {
    if (!isSameEntry(before.entry, after.entry)) return false;
    return [before.by, after.by].every((by) => by !== undefined && isMultiArchSame(by, this.#contents));
  }

  #conflict(before: Claim, after: Claim): AshlarError {
    const { path } = after.entry;
    const [first, second] = [this.#nameOf(before), this.#nameOf(after)];
    const details = { path: `/${path}`, packages: [first, second] };
    const diverting = [before.by, after.by].find((by) => by !== undefined && diverts(by, path, this.#contents));
    if (diverting !== undefined) {
      const message = `Cannot install package "${diverting.locked.name}": it diverts "/${path}" of "${
        diverting === after.by ? first : second
      }", which needs its maintainer script, want \`install: full\``;
      const hint = `leave out one of the two packages, or set \`install: full\``;
      return new AshlarError("ASSEMBLE_DIVERSION", message, { hint, details });
    }
    const what = before.entry.type === after.entry.type ? "" : ` (a ${before.entry.type} and a ${after.entry.type})`;
    const both = `"${first}" and "${second}"`;
    const message = `Cannot install packages ${both} together: both have "/${path}"${what}, want one owner`;
    const hint = `leave out one of them, or reduce one with \`system.only\``;
    return new AshlarError("ASSEMBLE_CONFLICT", message, { hint, details });
  }

  #nameOf({ by, entry }: Claim): string {
    return by?.locked.name ?? this.#owners.get(entry.path) ?? "the image below";
  }

  finish(): OwnedTree {
    const entries = this.#settleBelow([...this.#claims.values()].map((claim) => claim.entry));
    if (this.#losers.size === 0) return { tree: makeTree(entries), owners: this.#owners };
    return { tree: makeTree(this.#settle(entries)), owners: this.#owners };
  }

  /** Further names of a displaced file stay what they were. */
  #settleBelow(entries: readonly Entry[]): readonly Entry[] {
    if (this.#displaced.size === 0) return entries;
    const files = new Map<ImagePath, FileEntry>(this.#displaced);
    const [own, below]: [Entry[], Entry[]] = [[], []];
    for (const entry of entries) (this.#claims.get(entry.path)?.by === undefined ? below : own).push(entry);
    for (const entry of below) if (entry.type === "file") files.set(entry.path, entry);
    return [...own, ...settleHardlinks(below, (target) => files.get(target))];
  }

  #settle(entries: readonly Entry[]): readonly Entry[] {
    const files = new Map<ImagePath, FileEntry>();
    const links: Entry[] = [];
    const others: Entry[] = [];
    for (const loser of this.#losers) {
      for (const entry of loser.tree) if (entry.type === "file") files.set(entry.path, entry);
    }
    for (const entry of entries) {
      const by = this.#claims.get(entry.path)?.by;
      (by !== undefined && this.#losers.has(by) ? links : others).push(entry);
    }
    return [...others, ...settleHardlinks(links, (target) => files.get(target))];
  }
}

function isSpecial(entry: DirEntry): boolean {
  return entry.mode !== 0o755 || entry.uid !== 0 || entry.gid !== 0;
}

function isBaseFiles({ by }: Claim): boolean {
  return by?.locked.name === "base-files";
}

/** Tells whether two entries describe the same thing, path included. */
export function isSameEntry(a: Entry, b: Entry): boolean {
  if (a === b) return true;
  if (a.type !== b.type || a.path !== b.path || a.mode !== b.mode || a.uid !== b.uid || a.gid !== b.gid) return false;
  if (a.mtimeSeconds !== b.mtimeSeconds || !isSameRecord(a.xattrs, b.xattrs)) return false;
  if (a.type === "file" && b.type === "file") return a.content === b.content;
  if (a.type === "symlink" && b.type === "symlink") return a.target === b.target;
  if (a.type === "hardlink" && b.type === "hardlink") return a.target === b.target;
  if ((a.type === "char" || a.type === "block") && a.type === b.type) return a.major === b.major && a.minor === b.minor;
  return true;
}

function isSameRecord(a: Readonly<Record<string, string>> = {}, b: Readonly<Record<string, string>> = {}): boolean {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => a[name] === b[name]);
}
