// SPDX-License-Identifier: Apache-2.0
import { compareOrdinal, type ImagePath, parsePath } from "../base/index.ts";
import { type Entry, makeTree, type Tree } from "../formats/index.ts";
import type { ImageDocument, UserDocument } from "../spec/index.ts";
import { encodeGroup, encodePasswd, parseGroup, parsePasswd } from "./account-files.ts";
import { type Accounts, addUsers, rootOnly } from "./accounts.ts";
import { appTree } from "./app-tree.ts";
import { caBundle } from "./ca-bundle.ts";
import { type Contents, packageId, type UnpackedPackage } from "./content.ts";
import { dpkgStatus } from "./dpkg-status.ts";
import { fileEntry } from "./generated-entry.ts";
import { dropScripts, type FactsOf } from "./interpreter.ts";
import { isSameEntry, mergeTrees, type OwnedEntry, type OwnedTree } from "./merge-trees.ts";
import { normalizePackage, type RootLayout } from "./normalize-package.ts";
import { addParents } from "./parents.ts";
import type { ProjectFiles } from "./project-files.ts";
import { shadowAccounts } from "./shadow-files.ts";
import { skeleton } from "./skeleton.ts";
import { type Dropped, stripTree, verifyOnly } from "./strip-tree.ts";
import { TreeEditor } from "./tree-editor.ts";

/** What the trees of base and packages are made of. */
export interface SystemInput {
  readonly document: Pick<ImageDocument, "from" | "system">;
  /** The packages of this image, in any order; phase and use as the lock says. */
  readonly packages: readonly UnpackedPackage[];
  /** The image below, for `from: { image }` and `from: { oci }`. */
  readonly below?: OwnedTree | undefined;
  readonly contents: Contents;
  readonly factsOf: FactsOf;
}

/** Trees are cumulative: each holds those before it. */
export interface SystemPhases {
  readonly base: OwnedTree;
  readonly packages: OwnedTree;
  /** What `strip` and `only` left out, by package id. */
  readonly dropped: ReadonlyMap<string, Dropped>;
}

/** Every suite since bookworm has /bin, /lib and /sbin as links into /usr. */
const layout: RootLayout = { usrMerged: true, runLinked: true };
const { usrMerged } = layout;

/** The tree that an image without packages and base starts from. */
export const emptyTree: OwnedTree = { tree: [], owners: new Map() };

/**
 * Assembles the phases base and packages of `install: unpack`. Each is a pure function of the packages up to
 * it. (docs/unpack.md)
 */
export function assembleSystem(input: SystemInput): SystemPhases {
  const { system, from } = input.document;
  const normal = input.packages.map((item) => normalizePackage(item, layout));
  const installed = normal.filter(({ locked }) => locked.use === "install");
  verifyOnly(system.only, new Set(installed.map(({ locked }) => locked.name)));
  const { stripped, dropped } = stripAll(installed, system);
  const inBase = stripped.filter(({ locked }) => locked.phase === "base");
  const start = input.below ?? emptyTree;
  if (from.kind === "scratch" && normal.length === 0) return { base: start, packages: start, dropped };
  const step = (packages: readonly UnpackedPackage[]): OwnedTree => assemblePhase(packages, normal, input);
  const isOnImage = input.below !== undefined;
  const base = isOnImage ? start : step(inBase);
  const isWhole = inBase.length === stripped.length && !isOnImage;
  return { base, packages: isWhole || stripped.length === 0 ? base : step(stripped), dropped };
}

function stripAll(
  installed: readonly UnpackedPackage[],
  { strip, only }: ImageDocument["system"],
): { readonly stripped: readonly UnpackedPackage[]; readonly dropped: ReadonlyMap<string, Dropped> } {
  const dropped = new Map<string, Dropped>();
  const stripped = installed.map((item) => {
    const { name } = item.locked;
    const what = `package "${name}"`;
    const result = stripTree(item.tree, {
      groups: strip,
      only: Object.hasOwn(only, name) ? only[name] : undefined,
      what,
    });
    if (result.dropped.count > 0) dropped.set(packageId(item.locked), result.dropped);
    return { ...item, tree: result.tree };
  });
  return { stripped, dropped };
}

/** One phase, in the order of its steps: each adds what it finds missing in the tree so far. */
function assemblePhase(
  packages: readonly UnpackedPackage[],
  all: readonly UnpackedPackage[],
  { document, below, contents, factsOf }: SystemInput,
): OwnedTree {
  const data = all.filter(({ locked }) => locked.use === "data").map((item) => item.tree);
  const merged = mergeTrees(packages, { contents, below });
  const framed = overlay(merged, ownedBy("@skeleton", skeleton(merged.tree, { usrMerged, data })));
  const peopled = overlay(framed, ownedBy("@accounts", accountEntries(framed.tree, all, contents)));
  const bundle = below === undefined || packages.some(hasAuthorities) ? caBundle(peopled.tree, contents) : [];
  const trusting = overlay(peopled, ownedBy("@ca-certificates", bundle));
  const isLean = document.system.strip.includes("scripts");
  const lean = isLean ? { ...trusting, tree: dropScripts(trusting.tree, factsOf).tree } : trusting;
  return overlay(lean, dpkgStatus(packages, lean, { layout, contents }));
}

/** What an image below made of its own certificates stays, with what its makers changed there. */
function hasAuthorities({ tree }: UnpackedPackage): boolean {
  return tree.some((entry) => entry.path.startsWith("usr/share/ca-certificates/"));
}

function ownedBy(owner: string, entries: readonly Entry[]): readonly OwnedEntry[] {
  return entries.map((entry) => ({ entry, owner }));
}

/** Puts generated entries over a tree. A directory that is there stays as it is. */
function overlay(owned: OwnedTree, additions: readonly OwnedEntry[]): OwnedTree {
  if (additions.length === 0) return owned;
  const entries = new Map<ImagePath, Entry>(owned.tree.map((entry) => [entry.path, entry]));
  const owners = new Map(owned.owners);
  for (const { entry, owner } of additions) {
    const present = entries.get(entry.path);
    if (entry.type === "dir" && present?.type === "dir") continue;
    if (present !== undefined && isSameEntry(present, { ...entry, mtimeSeconds: present.mtimeSeconds })) continue;
    entries.set(entry.path, entry);
    owners.set(entry.path, owner);
    for (const made of addParents(entries, entry.path)) owners.set(made, owner);
  }
  return { tree: makeTree(entries.values()), owners };
}

/**
 * Adds to an image without dpkg's database what scanners read in its place: a stanza and the sums of each
 * package that is in it (`var/lib/dpkg/status.d`).
 */
export function listPackages(
  owned: OwnedTree,
  packages: readonly UnpackedPackage[],
  contents: Contents,
): OwnedTree {
  return overlay(owned, dpkgStatus(packages, owned, { layout, contents }));
}

/** On a new system base-passwd copies its templates; later phases find the files there. */
function accountEntries(tree: Tree, all: readonly UnpackedPackage[], contents: Contents): readonly Entry[] {
  if (tree.some((entry) => entry.path === "etc/passwd")) return [];
  const source = all.find(({ locked }) => locked.name === "base-passwd");
  const copies: Entry[] = [];
  for (const name of ["passwd", "group"] as const) {
    const master = source?.tree.find((entry) => entry.path === `usr/share/base-passwd/${name}.master`);
    if (master?.type !== "file") continue;
    const bytes = contents.read(master.content);
    if (name === "passwd") parsePasswd(bytes, `"/${master.path}"`);
    else parseGroup(bytes, `"/${master.path}"`);
    copies.push({ ...master, path: `etc/${name}` as ImagePath });
  }
  return copies;
}

/** Who exists in a tree; root alone where it has no /etc/passwd. Throws `ASSEMBLE_ACCOUNTS_INVALID`. */
export function readAccounts(tree: Tree, contents: Contents): Accounts {
  const read = (path: string): Uint8Array | undefined => {
    const entry = tree.find((other) => other.path === path);
    return entry?.type === "file" ? contents.read(entry.content) : undefined;
  };
  const [passwd, group] = [read("etc/passwd"), read("etc/group")];
  return {
    users: passwd === undefined ? rootOnly.users : parsePasswd(passwd, '"/etc/passwd"'),
    groups: group === undefined ? rootOnly.groups : parseGroup(group, '"/etc/group"'),
  };
}

/**
 * Assembles the phase system: the spec's users and their home directories. A home that
 * is there already, or is "/nonexistent", is left alone.
 */
export function assembleUsers(
  below: OwnedTree,
  users: Readonly<Record<string, UserDocument>>,
  contents: Contents,
): OwnedTree {
  const names = Object.keys(users);
  if (names.length === 0) return below;
  const before = readAccounts(below.tree, contents);
  const { accounts, entries } = shadowAccounts(before, addUsers(before, users), { tree: below.tree, contents });
  const files = [
    fileEntry("etc/passwd" as ImagePath, encodePasswd(accounts.users), contents),
    fileEntry("etc/group" as ImagePath, encodeGroup(accounts.groups), contents),
    ...entries,
  ];
  const editor = new TreeEditor(overlay(below, ownedBy("@users", files)), { owner: "@users", mtimeSeconds: 0 });
  for (const name of names.sort(compareOrdinal)) {
    const { home, uid, gid } = users[name] as UserDocument;
    if (home === "/nonexistent" || /^\/+$/.test(home) || editor.resolve(home) !== undefined) continue;
    editor.realDirectory(parsePath(home), { mode: 0o755, uid, gid });
  }
  return editor.finish();
}

export interface PhaseInput extends SystemInput {
  readonly document: Pick<ImageDocument, "from" | "system" | "users" | "app">;
  readonly project: ProjectFiles;
  /** Of app files: SOURCE_DATE_EPOCH where it is set, else 0. */
  readonly appMtimeSeconds: number;
}

export interface Phases extends SystemPhases {
  readonly system: OwnedTree;
  /** The whole image. */
  readonly app: OwnedTree;
}

/** Assembles all phases of `install: unpack`; the last one is the flat root. */
export function assemblePhases(input: PhaseInput): Phases {
  const below = assembleSystem(input);
  const system = assembleUsers(below.packages, input.document.users, input.contents);
  const app = appTree(system, input.document.app, {
    accounts: readAccounts(system.tree, input.contents),
    project: input.project,
    contents: input.contents,
    mtimeSeconds: input.appMtimeSeconds,
  });
  return { ...below, system, app };
}
