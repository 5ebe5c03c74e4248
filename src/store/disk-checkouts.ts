// SPDX-License-Identifier: Apache-2.0
import { existsSync, lstatSync } from "node:fs";

import type { Digest } from "../base/index.ts";
import type { FileEntry, Tree } from "../formats/index.ts";
import type { CheckoutHost } from "./checkout.ts";
import { chooseMode } from "./checkout-mode.ts";
import { readPlan, writePlan } from "./checkout-plan.ts";
import { diskRecords } from "./checkout-record.ts";
import { ownOwner } from "./entry-meta.ts";
import { copyPlacer, type ReadContent, reflinkPlacer } from "./file-placer.ts";
import { inodeKey } from "./inode-key.ts";
import type { Layout } from "./layout.ts";
import { countLinks, linkName, linkPlace, replicaName } from "./link-farm.ts";
import { linkPlacer, makeLink } from "./link-placer.ts";

export interface DiskCheckouts {
  readonly layout: Layout;
  readonly readTree: (digest: Digest) => Tree;
  readonly readContent: ReadContent;
  readonly linkCountMax?: number | undefined;
}

/** Checkouts of a store on disk. */
export function diskCheckouts({ layout, readTree, readContent, linkCountMax }: DiskCheckouts): CheckoutHost {
  const owner = ownOwner();
  return {
    readTree,
    chooseMode: (wanted, dir) => chooseMode(layout, wanted, dir),
    placerFor(mode, { tree, above, taken }) {
      if (mode === "copy") return copyPlacer(readContent);
      if (mode === "reflink") return reflinkPlacer((entry) => pathOfLink(layout, entry, readContent), readContent);
      const used = above === undefined ? undefined : countLinks(above, tree());
      return linkPlacer(layout, readContent, { linkCountMax, used, taken });
    },
    records: diskRecords(layout),
    inodesOf: (entry) => inodesOf(layout, linkName(entry)),
    readPlan: (tree) => readPlan(layout, { tree, owner, readTree }),
    writePlan: (tree, parts) => writePlan(layout, { tree, owner }, parts),
  };
}

/** The link of an entry that can be made as it stands, made where it is missing. */
function pathOfLink(layout: Layout, entry: FileEntry, readContent: ReadContent): string {
  const path = `${layout.links}/${linkPlace(linkName(entry))}`;
  if (!existsSync(path)) makeLink(layout, entry, { path, readContent });
  return path;
}

function inodesOf(layout: Layout, name: string): Set<string> {
  const inodes = new Set<string>();
  for (let replica = 0; ; replica++) {
    const path = `${layout.links}/${linkPlace(replicaName(name, replica))}`;
    const stats = lstatSync(path, { throwIfNoEntry: false, bigint: true });
    if (stats === undefined) return inodes;
    inodes.add(inodeKey(stats));
  }
}
