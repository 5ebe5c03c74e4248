// SPDX-License-Identifier: Apache-2.0
import type { Digest } from "../base/index.ts";
import { freedBy } from "./disk-use.ts";
import {
  foretellLeftovers,
  indexBytes,
  listLeftovers,
  takeDerived,
  takeDownloads,
  type TakenFiles,
  type TakenLeftovers,
} from "./gc-files.ts";
import type { GcParts, Marked } from "./gc-look.ts";
import type { GcAmount, GcOptions, GcReport } from "./gc-report.ts";
import { emptyQuarantine } from "./quarantine.ts";
import type { Store } from "./store.ts";

interface Foretelling {
  readonly marked: Marked;
  readonly options: GcOptions;
}

/** What would go. What the index and packs that are written anew will have on disk is not known before. */
export function foretell(store: Store, { layout }: GcParts, { marked, options }: Foretelling): GcReport {
  const { index, plan, marks } = marked;
  const paths = plan.exits.map(({ pack }) => layout.pack(pack.id));
  const note = (path: string): number => {
    paths.push(path);
    return freedBy([path]);
  };
  const kept = {
    content: (digest: Digest): boolean => marks.keeps(digest),
    tree: (digest: Digest): boolean => marks.keepsTree(digest),
  };
  const { paths: inside, ...left } = foretellLeftovers(listLeftovers(layout));
  const downloads = takeDownloads(layout, options.grace, note);
  const quarantine = emptyQuarantine(layout, options);
  const files = { ...takeDerived(layout, kept, note), ...left, quarantine, downloads };
  const keptBytes = plan.exits.reduce((sum, exit) => sum + exit.keptBytes, 0);
  const empty = plan.exits.filter(({ keptCount }) => keptCount === 0);
  return reportOf(store, {
    marked,
    files,
    packs: { count: empty.length, bytes: empty.reduce((sum, { pack }) => sum + pack.sizeBytes, 0) },
    freedBytes: freedBy([...paths, ...inside]) + quarantine.bytes - keptBytes + indexBytes(layout) - index.sizeBytes,
  });
}

interface Findings {
  readonly marked: Marked;
  readonly files: TakenFiles & TakenLeftovers & Readonly<Record<"quarantine" | "downloads", GcAmount>>;
  readonly packs: GcAmount;
  readonly freedBytes: number;
}

export function reportOf(store: Store, { marked, files, packs, freedBytes }: Findings): GcReport {
  const { plan, deadActions } = marked;
  return {
    removedContents: plan.dead.count,
    removedPacks: packs.count,
    rewrittenPacks: plan.exits.filter(({ keptCount }) => keptCount > 0).length,
    removedLinks: files.links.count,
    removedActions: deadActions.length,
    removedDownloads: files.downloads.count,
    freedBytes,
    removed: { contents: plan.dead, packs, actions: { count: deadActions.length, bytes: 0 }, ...files },
    kept: { refs: store.listRefs().length, byRefs: plan.byRefs, byGrace: plan.byGrace },
  };
}
