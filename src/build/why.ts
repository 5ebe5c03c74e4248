// SPDX-License-Identifier: Apache-2.0
import { baseOwner, packageId } from "../assemble/index.ts";
import { AshlarError, type ImagePath } from "../base/index.ts";
import type { LockedPackage } from "../lock/index.ts";
import { findPath } from "./find-path.ts";
import type { LookedImage } from "./looked-image.ts";

/** Why something is in an image. */
export interface Reason {
  /** The path asked for, where it was one, as it lies in the tree. */
  readonly path?: ImagePath;
  /** A package's name, or a step of Ashlar such as "@accounts" or "@app". */
  readonly owner: string;
  /**
   * From the owner up to "spec" or "base", the shortest way; the owner itself first. What came with a foreign
   * image ends in "from".
   */
  readonly chain: readonly string[];
  /** Everybody who needs the owner directly. */
  readonly by: readonly string[];
}

/** Finds why a path or package is in an image. Throws `IMAGE_WHY`, `IMAGE_PATH`. */
export async function findReason(image: LookedImage, subject: string): Promise<Reason> {
  if (image.built === undefined) {
    throw new AshlarError(
      "IMAGE_WHY",
      `Cannot say why "${subject}" is in "${image.name}": Ashlar did not build it here`,
      {
        hint: "ask an image of the store; its lock knows who needs what",
      },
    );
  }
  const { built } = image;
  if (!subject.includes("/")) return reasonOf(built, subject);
  const tree = await image.tree();
  const exact = subject.replace(/^\/+|\/+$/g, "");
  const { path } = tree.find((entry) => entry.path === exact) ?? findPath(tree, subject);
  const owner = built.owners().get(path) ?? "";
  if (owner === baseOwner) return { path, owner, chain: [owner, "from"], by: ["from"] };
  if (owner.startsWith("@") || owner === "")
    return { path, owner: owner || "@ashlar", chain: [owner || "@ashlar"], by: [] };
  return { path, ...reasonOf(built, owner) };
}

type Built = NonNullable<LookedImage["built"]>;

/** Of a package by its name or id. */
function reasonOf(built: Built, id: string): Omit<Reason, "path"> {
  const locked = built.locked();
  const [name] = id.split(":") as [string];
  const below = built.inBase().find((item) => item.name === id || packageId(item) === id);
  const isOurs = locked.some((item) => item.name === name && item.use === "install");
  if (below !== undefined && !isOurs) return { owner: below.name, chain: [below.name, "from"], by: ["from"] };
  const start = packageNamed(locked, id);
  return { owner: start.name, chain: shortestChain(locked, start), by: start.by };
}

/** By `name` or `name:architecture`. */
function packageNamed(locked: readonly LockedPackage[], id: string): LockedPackage {
  const [name, architecture] = id.split(":") as [string, string | undefined];
  const fits = (item: LockedPackage): boolean =>
    architecture === undefined || item.architecture === architecture;
  const found = locked.find((item) => item.name === name && fits(item));
  if (found !== undefined) return found;
  const near = locked
    .filter((item) => item.name.includes(name) || name.includes(item.name))
    .map((item) => item.name);
  throw new AshlarError("IMAGE_WHY", `Cannot find package "${name}" in the image`, {
    hint:
      near.length > 0
        ? `it has ${near.slice(0, 5).join(", ")}`
        : "a path begins with a slash, as in /usr/bin/env",
  });
}

/** Breadth first, so that the way up is as short as there is one. */
function shortestChain(locked: readonly LockedPackage[], start: LockedPackage): readonly string[] {
  const byName = new Map(locked.map((item) => [item.name, item]));
  const queue: (readonly string[])[] = [[start.name]];
  const seen = new Set([start.name]);
  for (let chain = queue.shift(); chain !== undefined; chain = queue.shift()) {
    const by = byName.get(chain.at(-1) as string)?.by ?? [];
    const root = by.find((name) => name === "spec" || name === "base");
    if (root !== undefined) return [...chain, root];
    for (const name of by) {
      if (seen.has(name)) continue;
      seen.add(name);
      queue.push([...chain, name]);
    }
  }
  return [start.name];
}
