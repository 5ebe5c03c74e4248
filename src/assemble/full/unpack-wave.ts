// SPDX-License-Identifier: Apache-2.0
import { type ImagePath, parsePath } from "../../base/index.ts";
import { type Diversion, parseDiversions } from "../../debian/index.ts";
import { type Entry, makeTree } from "../../formats/index.ts";
import type { Contents } from "../content.ts";
import type { OwnedTree } from "../merge-trees.ts";
import { finalPath, mergedLinks, normalizePackage } from "../normalize-package.ts";
import { addParents, plainDirectory } from "../parents.ts";
import { stripTree } from "../strip-tree.ts";
import { type DescribedPackage, fullLayout } from "./describe-package.ts";
import { adminDir, unpackedDatabase } from "./dpkg-database.ts";
import { divertFiles, layFiles, type PackageOf } from "./lay-files.ts";

export interface UnpackInput {
  readonly below: OwnedTree;
  readonly packages: readonly DescribedPackage[];
  /** Groups of files to leave out, and of which packages only some files. */
  readonly strip: readonly string[];
  readonly only: Readonly<Record<string, readonly string[]>>;
  /** Packages that are installed already, by id. */
  readonly installed: PackageOf;
  readonly contents: Contents;
  /** The root's own, as Debian names it. */
  readonly architecture: string;
}

export interface UnpackedWave {
  /** The root with the packages' files but without conffiles and database: it differs little from wave to wave. */
  readonly files: OwnedTree;
  /** The root as dpkg leaves it before it configures the packages. */
  readonly root: OwnedTree;
}

const skeletonOwner = "@skeleton";

/** Adds packages to a root in the state "unpacked". Throws `ASSEMBLE_CONFLICT`, `ASSEMBLE_PACKAGE_INVALID`. */
export function unpackWave(input: UnpackInput): UnpackedWave {
  const { below, contents, architecture } = input;
  const before = byPath(below);
  const diversions = diversionsOf(before, contents);
  const normal = input.packages.map((item) => prepare(divertFiles(item, diversions), input));
  const own = new Map(normal.map((item) => [item.id, item]));
  const packageOf: PackageOf = (id) => own.get(id) ?? input.installed(id);
  const files = withSkeleton(layFiles(below, normal.map(withoutConffiles), packageOf));
  const laid = layFiles(files, normal.map(newConffiles), packageOf);
  const made = unpackedDatabase({ before, after: byPath(laid), packages: normal, contents, architecture });
  const entries = byPath(laid);
  // A conffile belongs to its package under the name it will have.
  const owners = new Map(laid.owners);
  for (const item of normal) for (const path of item.conffiles) owners.set(finalPath(path, fullLayout), item.id);
  for (const { entry, owner } of made) {
    entries.set(entry.path, entry);
    owners.set(entry.path, owner);
    for (const parent of addParents(entries, entry.path)) owners.set(parent, owner);
  }
  return { files, root: { tree: makeTree(entries.values()), owners } };
}

/**
 * What a new system has before any package: the links of merged /usr, which none ships before trixie, and
 * /run/lock, which base-files' postinst makes, in a /run that is not the image's while scripts run.
 */
function withSkeleton({ tree, owners }: OwnedTree): OwnedTree {
  const lock = plainDirectory(parsePath("run/lock"), 0o1777);
  const hasRun = tree.some(({ path }) => path === "run") && !tree.some(({ path }) => path === lock.path);
  const made = [...mergedLinks(tree), ...(hasRun ? [lock] : [])];
  if (made.length === 0) return { tree, owners };
  const all = new Map(owners);
  for (const { path } of made) all.set(path, skeletonOwner);
  return { tree: makeTree([...tree, ...made]), owners: all };
}

function byPath({ tree }: OwnedTree): Map<ImagePath, Entry> {
  return new Map(tree.map((entry) => [entry.path, entry]));
}

function diversionsOf(root: ReadonlyMap<ImagePath, Entry>, contents: Contents): readonly Diversion[] {
  const entry = root.get(parsePath(`${adminDir}/diversions`));
  return entry?.type === "file" ? parseDiversions(contents.read(entry.content)) : [];
}

/** The package's tree as it lies in an image, its conffiles by the paths they have there. */
function prepare(item: DescribedPackage, { strip, only }: UnpackInput): DescribedPackage {
  const { tree } = normalizePackage(item, fullLayout);
  const { name } = item.locked;
  const wanted = Object.hasOwn(only, name) ? only[name] : undefined;
  const stripped = stripTree(tree, { groups: strip, only: wanted, what: `package "${name}"` });
  return { ...item, tree: stripped.tree };
}

function conffilePaths(item: DescribedPackage): ReadonlySet<string> {
  return new Set(item.conffiles.map((path) => finalPath(path, fullLayout)));
}

function withoutConffiles(item: DescribedPackage): DescribedPackage {
  const conffiles = conffilePaths(item);
  return { ...item, tree: item.tree.filter(({ path }) => !conffiles.has(path)) };
}

/** The conffiles alone, under the names that dpkg gives them until the package is configured. */
function newConffiles(item: DescribedPackage): DescribedPackage {
  const conffiles = conffilePaths(item);
  const tree = item.tree.flatMap((entry): Entry[] => {
    if (!conffiles.has(entry.path) || entry.type === "dir") return [];
    return [{ ...entry, path: parsePath(`${entry.path}.dpkg-new`) }];
  });
  return { ...item, tree: makeTree(tree) };
}
