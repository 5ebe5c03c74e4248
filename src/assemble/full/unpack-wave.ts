// SPDX-License-Identifier: Apache-2.0
import { type ImagePath, parsePath } from "../../base/index.ts";
import { type Diversion, parseDiversions } from "../../debian/index.ts";
import { type Entry, makeTree } from "../../formats/index.ts";
import type { Contents } from "../content.ts";
import type { OwnedTree } from "../merge-trees.ts";
import { mergedLinks, normalizePackage } from "../normalize-package.ts";
import { addParents, plainDirectory } from "../parents.ts";
import { stripTree } from "../strip-tree.ts";
import { type DescribedPackage, fullLayout, invalidControl } from "./describe-package.ts";
import { adminDir } from "./database-input.ts";
import { unpackedDatabase } from "./dpkg-database.ts";
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
  const { owned, newConffiles, replaced } = layFiles(below, normal, packageOf);
  const laid = withSkeleton(owned);
  const database = {
    before,
    after: byPath(laid),
    packages: normal,
    replaced,
    packageOf,
    contents,
    architecture,
  };
  const entries = byPath(laid);
  const owners = new Map(laid.owners);
  const made = unpackedDatabase(database);
  const files = { tree: laid.tree.filter(({ path }) => !newConffiles.has(path)), owners };
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
  const broken = tree.find(({ path }) => path.includes("\n"));
  if (broken !== undefined)
    throw invalidControl(item, "data.tar", `a path has a line feed: ${JSON.stringify(broken.path)}`);
  const wanted = Object.hasOwn(only, name) ? only[name] : undefined;
  const stripped = stripTree(tree, { groups: strip, only: wanted, what: `package "${name}"` });
  return { ...item, tree: stripped.tree };
}
