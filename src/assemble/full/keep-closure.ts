// SPDX-License-Identifier: Apache-2.0
import { type ImagePath, limits, parentOf } from "../../base/index.ts";
import { type Entry, type FileEntry, makeTree, type SymlinkEntry, type Tree } from "../../formats/index.ts";
import type { ContentReader, Contents, UnpackedPackage } from "../content.ts";
import { settleHardlinks } from "../hardlinks.ts";
import { isSameEntry, type OwnedTree } from "../merge-trees.ts";
import { PathResolver } from "../path-resolver.ts";
import { describePackage } from "./describe-package.ts";
import { withoutLibraries } from "./ld-cache.ts";
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
const toolState = ["var/lib/dpkg", "var/lib/apt", "var/lib/ucf", "var/cache/apt", "var/cache/debconf"];

/** What scripts make for a program of certain packages: it is there exactly where one of them is. */
const readers: readonly { readonly path: RegExp; readonly of: readonly string[] }[] = [
  { path: /^etc\/pam\.d\/common-|^var\/lib\/pam(\/|$)/, of: ["libpam-runtime"] },
  { path: /^(etc|var\/lib)\/systemd(\/|$)/, of: ["systemd"] },
  { path: /^etc\/rc[0-6S]\.d(\/|$)/, of: ["systemd", "sysvinit-core", "openrc", "runit"] },
  { path: /^etc\/shells$|^root\/\.(bashrc|profile)$/, of: ["bash", "dash"] },
];

export interface KeepInput {
  /** The Essential set with its tools, installed. */
  readonly base: OwnedTree;
  /** The same with everything else. */
  readonly whole: OwnedTree;
  /** Ids of the packages that the image is to have. */
  readonly kept: ReadonlySet<string>;
  readonly contents: Contents;
}

/**
 * Of a full installation only a closure and its effects: what its packages own; what scripts made or changed
 * after the base was there; the base's accounts and other shared files; and links, such as alternatives, that
 * lead to what is kept. Databases of dpkg, apt and debconf stay out, as does what only absent programs read;
 * the cache of ld.so names no library that is not there. (docs/full.md)
 */
export function keepClosure(input: KeepInput): OwnedTree {
  const { whole } = input;
  const { entries, links } = chooseEntries(input);
  addDirectories(entries, whole);
  addLinks(entries, links, whole);
  const files = new Map<ImagePath, FileEntry>();
  for (const entry of whole.tree) if (entry.type === "file") files.set(entry.path, entry);
  const settled = makeTree(settleHardlinks([...entries.values()], (target) => files.get(target)));
  const tree = withCache(settled, input.contents);
  const owners = new Map(tree.map(({ path }) => [path, whole.owners.get(path) ?? "@scripts"]));
  return { tree, owners };
}

/** A link that no package owns. */
interface MadeLink {
  readonly entry: SymlinkEntry;
  /** Whether it was made after the base was there. */
  readonly isEffect: boolean;
}

interface Chosen {
  readonly entries: Map<ImagePath, Entry>;
  readonly links: readonly MadeLink[];
}

function chooseEntries({ base, whole, kept }: KeepInput): Chosen {
  const before = new Map<ImagePath, Entry>(base.tree.map((entry) => [entry.path, entry]));
  const names = new Set([...kept].map((id) => id.slice(0, id.lastIndexOf(":"))));
  const entries = new Map<ImagePath, Entry>();
  const links: MadeLink[] = [];
  for (const entry of whole.tree) {
    const { path } = entry;
    if (toolState.some((dir) => path === dir || path.startsWith(`${dir}/`))) continue;
    const owner = whole.owners.get(path) ?? "@";
    const isMade = owner.startsWith("@") && owner !== "@skeleton";
    const old = before.get(path);
    const isEffect = isMade && (old === undefined || !isSameEntry(old, entry));
    const reader = isMade ? readers.find((one) => one.path.test(path)) : undefined;
    if (reader !== undefined) {
      if (reader.of.some((name) => names.has(name))) entries.set(path, entry);
    } else if (kept.has(owner) || owner === "@skeleton" || shared.has(path)) entries.set(path, entry);
    else if (isMade && entry.type === "symlink") links.push({ entry, isEffect });
    else if (isEffect) entries.set(path, entry);
  }
  return { entries, links };
}

/** Links whose end is in the image, however many others lie between; those made to lead nowhere too. */
function addLinks(entries: Map<ImagePath, Entry>, links: readonly MadeLink[], whole: OwnedTree): void {
  const resolver = new PathResolver(whole.tree);
  for (const { entry, isEffect } of links) {
    const end = resolver.realPath(entry.path);
    if (end === undefined ? isEffect : end === "" || entries.has(end as ImagePath))
      entries.set(entry.path, entry);
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

/** The tree with a cache of ld.so that fits it. */
function withCache(tree: Tree, contents: Contents): Tree {
  const at = tree.findIndex(({ path }) => path === "etc/ld.so.cache");
  const cache = tree[at];
  if (cache?.type !== "file" || cache.sizeBytes > limits.textBytesMax) return tree;
  const resolver = new PathResolver(tree);
  const isThere = (path: string): boolean => resolver.resolve(path)?.type === "file";
  const made = withoutLibraries(contents.read(cache.content), isThere);
  if (made === undefined) return tree;
  const { digest: content, sizeBytes } = contents.put(made);
  return tree.with(at, { ...cache, content, sizeBytes });
}
