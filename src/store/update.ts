// SPDX-License-Identifier: Apache-2.0
import { type BigIntStats, chmodSync, linkSync, lstatSync, readdirSync } from "node:fs";

import { type ImagePath, nameFromBytes, parentOf } from "../base/index.ts";
import type { Entry, Tree } from "../formats/index.ts";
import type { CheckoutHost } from "./checkout.ts";
import type { CheckoutRecord } from "./checkout-record.ts";
import { EntryMaker } from "./entry-maker.ts";
import { hostPathOf, ownOwner } from "./entry-meta.ts";
import { EntryMatch } from "./entry-match.ts";
import { settleEntry } from "./link-farm.ts";
import { removeEntry } from "./remove-tree.ts";
import type { CheckoutMode, CheckoutReport, DevicePolicy } from "./store.ts";
import type { TreeParts } from "./tree-parts.ts";
import { replaceXattrs } from "./xattr.ts";

export interface UpdateOptions {
  readonly dir: string;
  readonly known: CheckoutRecord;
  readonly mode: CheckoutMode;
  readonly devices: DevicePolicy | undefined;
}

/**
 * Turns a directory into the file system that a tree describes and leaves alone what is so already. What the
 * directory holds is looked at entry by entry; the record of the last checkout only says what a file that
 * nobody touched since has in it.
 */
export class Update {
  readonly #host: CheckoutHost;
  readonly #dir: string;
  readonly #options: UpdateOptions;
  readonly #wanted = new Map<ImagePath, Entry>();
  readonly #found = new Map<ImagePath, BigIntStats>();
  /** Directories in which something came or went: their time is to be set. */
  readonly #touched = new Set<ImagePath>();
  /** Directories whose owner, attributes and mode are to be set. */
  readonly #changed = new Set<ImagePath>();
  readonly #todo = new Set<ImagePath>();
  /** Further names of files that stay. */
  readonly #links: { readonly from: ImagePath; readonly to: ImagePath }[] = [];
  #removed = 0;

  constructor(host: CheckoutHost, options: UpdateOptions) {
    this.#host = host;
    this.#dir = options.dir;
    this.#options = options;
  }

  run(tree: Tree, parts: TreeParts): CheckoutReport {
    for (const entry of tree) this.#wanted.set(entry.path, entry);
    this.#look(undefined);
    const match = new EntryMatch(this.#host, this.#options);
    for (const entry of tree) this.#decide(entry, match);
    const { mode, devices } = this.#options;
    const placer = this.#host.placerFor(mode, { tree: () => tree, taken: match.taken });
    const maker = new EntryMaker(this.#dir, { placer, devices, inPlace: true });
    this.#make(parts, maker);
    const kept = tree.length - this.#todo.size;
    return { mode, skipped: maker.skipped, update: { kept, made: this.#todo.size, removed: this.#removed } };
  }

  /** Notes what is there, and removes what is not wanted. Enters only directories of the tree, so no links. */
  #look(below: ImagePath | undefined): void {
    const dir = below === undefined ? this.#dir : hostPathOf(this.#dir, below);
    for (const name of readdirSync(dir, { encoding: "buffer" })) {
      const own = nameFromBytes(name);
      const path = (below === undefined ? own : `${below}/${own}`) as ImagePath;
      const entry = this.#wanted.get(path);
      if (entry === undefined) {
        this.#remove(path);
        continue;
      }
      const stats = lstatSync(hostPathOf(this.#dir, path), { bigint: true });
      this.#found.set(path, stats);
      if (entry.type !== "dir" || !stats.isDirectory()) continue;
      this.#enter(path, stats);
      this.#look(path);
    }
  }

  /** Without root the owner too needs the right to look into a directory and to change it. */
  #enter(path: ImagePath, stats: BigIntStats): void {
    if (ownOwner() === undefined || (stats.mode & 0o700n) === 0o700n) return;
    chmodSync(hostPathOf(this.#dir, path), 0o700);
    this.#changed.add(path);
  }

  #remove(path: ImagePath): void {
    this.#removed += removeEntry(hostPathOf(this.#dir, path));
    this.#touch(path);
  }

  #touch(path: ImagePath): void {
    const parent = parentOf(path);
    if (parent !== undefined) this.#touched.add(parent);
  }

  /** The tree's order has parents before what lies in them, and files before their further names. */
  #decide(entry: Entry, match: EntryMatch): void {
    const stats = this.#found.get(entry.path);
    if (stats !== undefined && entry.type === "dir" && stats.isDirectory()) {
      if (!match.isDirAs(entry, stats)) this.#changed.add(entry.path);
      return;
    }
    if (stats !== undefined && match.isAs(entry, stats)) return;
    if (stats !== undefined) this.#remove(entry.path);
    this.#touch(entry.path);
    this.#todo.add(entry.path);
    const from = entry.type === "hardlink" ? entry.target : undefined;
    if (from !== undefined && !this.#todo.has(from)) this.#links.push({ from, to: entry.path });
  }

  #make(parts: TreeParts, maker: EntryMaker): void {
    const isTodo = ({ path }: Entry): boolean => this.#todo.has(path);
    const dirs = parts.dirs.filter(isTodo);
    const [files, symlinks] = [parts.files.filter(isTodo), parts.symlinks.filter(isTodo)];
    const specials = parts.specials.filter(isTodo);
    const born = maker.make({ dirs, files, symlinks, specials, hardlinks: parts.hardlinks });
    for (const { from, to } of this.#links) linkSync(hostPathOf(this.#dir, from), hostPathOf(this.#dir, to));
    for (const entry of parts.dirs) {
      if (!this.#changed.has(entry.path)) continue;
      replaceXattrs(hostPathOf(this.#dir, entry.path), settleEntry(entry, ownOwner()).xattrs);
    }
    const modes = new Set([...this.#changed, ...born]);
    const all = new Set([...modes, ...this.#touched, ...dirs.map(({ path }) => path)]);
    maker.finishDirs(parts.dirs.filter(({ path }) => all.has(path)), modes);
    maker.finishRoot();
  }
}
