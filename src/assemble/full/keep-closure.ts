// SPDX-License-Identifier: Apache-2.0
import type { ImagePath } from "../../base/index.ts";
import { parentOf } from "../../base/index.ts";
import { type Entry, type FileEntry, makeTree } from "../../formats/index.ts";
import type { ContentReader, UnpackedPackage } from "../content.ts";
import { settleHardlinks } from "../hardlinks.ts";
import { isSameEntry, type OwnedTree } from "../merge-trees.ts";
import { PathResolver } from "../path-resolver.ts";
import { describePackage } from "./describe-package.ts";
import { withDependencies } from "./order-packages.ts";

/** Ids of the Essential packages among some and of all that they need. */
export function essentialClosure(
  packages: readonly Omit<UnpackedPackage, "tree">[],
  contents: ContentReader,
): ReadonlySet<string> {
  const described = packages.map((item) => describePackage({ ...item, tree: [] }, contents));
  const first = described.filter(({ isEssential, locked }) => isEssential || locked.use === "tools");
  const closure = withDependencies(first, described);
  return new Set([...closure].map(({ id }) => id));
}

/** What scripts of the base make for every system: who there is, where libraries are, how names are looked up. */
const shared = new Set([
  "etc/environment",
  "etc/group",
  "etc/gshadow",
  "etc/ld.so.cache",
  "etc/localtime",
  "etc/nsswitch.conf",
  "etc/passwd",
  "etc/profile",
  "etc/shadow",
  "etc/subgid",
  "etc/subuid",
  "etc/timezone",
]);

/** State of tools that are not in the image, whoever wrote it last. */
const toolState = [
  "var/lib/dpkg",
  "var/lib/apt",
  "var/lib/pam",
  "var/lib/ucf",
  "var/cache/apt",
  "var/cache/debconf",
];

export interface KeepInput {
  /** The Essential set with its tools, installed. */
  readonly base: OwnedTree;
  /** The same with everything else. */
  readonly whole: OwnedTree;
  /** Ids of the packages that the image is to have. */
  readonly kept: ReadonlySet<string>;
}

/**
 * Of a full installation only a closure and its effects: what its packages own; what scripts made or changed
 * after the base was there; the base's accounts and other shared files; and links, such as alternatives, that
 * lead to what is kept. Databases of dpkg, apt and debconf stay out. (docs/full.md)
 */
export function keepClosure({ base, whole, kept }: KeepInput): OwnedTree {
  const before = new Map<ImagePath, Entry>(base.tree.map((entry) => [entry.path, entry]));
  const entries = new Map<ImagePath, Entry>();
  const links: Entry[] = [];
  for (const entry of whole.tree) {
    const { path } = entry;
    if (toolState.some((dir) => path === dir || path.startsWith(`${dir}/`))) continue;
    const owner = whole.owners.get(path) ?? "@";
    const old = before.get(path);
    const isEffect = owner.startsWith("@") && (old === undefined || !isSameEntry(old, entry));
    const isSkeleton = owner === "@skeleton" || shared.has(path);
    if (kept.has(owner) || isEffect || isSkeleton) entries.set(path, entry);
    else if (owner.startsWith("@") && entry.type === "symlink") links.push(entry);
  }
  addDirectories(entries, whole);
  addLinks(entries, links, whole);
  const files = new Map<ImagePath, FileEntry>();
  for (const entry of whole.tree) if (entry.type === "file") files.set(entry.path, entry);
  const tree = makeTree(settleHardlinks([...entries.values()], (target) => files.get(target)));
  const owners = new Map(tree.map(({ path }) => [path, whole.owners.get(path) ?? "@scripts"]));
  return { tree, owners };
}

/** Links of the base whose end is in the image, however many others lie between. */
function addLinks(entries: Map<ImagePath, Entry>, links: readonly Entry[], whole: OwnedTree): void {
  const resolver = new PathResolver(whole.tree);
  for (const link of links) {
    const end = resolver.realPath(link.path);
    if (end !== undefined && entries.has(end as ImagePath)) entries.set(link.path, link);
  }
  addDirectories(entries, whole);
}

/** Directories above what is kept, as they are. */
function addDirectories(entries: Map<ImagePath, Entry>, { tree }: OwnedTree): void {
  const all = new Map<ImagePath, Entry>(tree.map((entry) => [entry.path, entry]));
  for (const path of [...entries.keys()]) {
    for (let up = parentOf(path); up !== undefined && !entries.has(up); up = parentOf(up)) {
      entries.set(up, all.get(up) as Entry);
    }
  }
}
