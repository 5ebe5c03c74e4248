// SPDX-License-Identifier: Apache-2.0
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
  /** From the owner up to "spec" or "base", the shortest way; the owner itself first. */
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
  const locked = image.built.locked();
  if (!subject.includes("/")) return reasonOf(locked, packageNamed(locked, subject));
  const tree = await image.tree();
  const exact = subject.replace(/^\/+|\/+$/g, "");
  const { path } = tree.find((entry) => entry.path === exact) ?? findPath(tree, subject);
  const owner = image.built.owners().get(path) ?? "";
  if (owner.startsWith("@") || owner === "")
    return { path, owner: owner || "@ashlar", chain: [owner || "@ashlar"], by: [] };
  return { path, ...reasonOf(locked, packageNamed(locked, owner)) };
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

function reasonOf(locked: readonly LockedPackage[], start: LockedPackage): Reason {
  return { owner: start.name, chain: shortestChain(locked, start), by: start.by };
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
