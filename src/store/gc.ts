// SPDX-License-Identifier: Apache-2.0
import type { Digest } from "../base/index.ts";
import { diskUseOf } from "./disk-use.ts";
import { indexBytes } from "./gc-files.ts";
import { alignUnlessFull, type GcParts, markAll, type Marked } from "./gc-look.ts";
import { foretell } from "./gc-outcome.ts";
import { type PackPlan, withExits } from "./gc-plan.ts";
import type { GcOptions, GcReport } from "./gc-report.ts";
import { clean, sweep, type Swept } from "./gc-sweep.ts";
import { copyKept, type PackExit } from "./pack-rewrite.ts";
import { roomIn, unlessFull } from "./reserve.ts";
import type { Store } from "./store.ts";
import { verifyCopied } from "./verify-listed.ts";

/**
 * Collects garbage on disk. Builds are kept away only while what they could take up goes; all that is long is done
 * beside them: finding out what is needed and copying it out of packs before, removing files after.
 */
export function gcDisk(store: Store, parts: GcParts, options: GcOptions): GcReport {
  const say = options.onPhase ?? (() => {});
  const before = indexBytes(parts.layout);
  let copiedBytes = 0;
  for (;;) {
    // Another collection may be under way, or stand still.
    const lease = store.lease({ waitMs: options.waitMs ?? 0 });
    let marked: Marked;
    try {
      say("mark");
      parts.refs.verify();
      if (options.dryRun !== true) alignUnlessFull(parts);
      marked = markAll(store, parts, options);
      if (options.dryRun === true) return foretell(store, parts, { marked, options });
      say("copy");
      const copied = copyOut(store, parts, marked);
      marked = copied.marked;
      copiedBytes += copied.bytes;
    } finally {
      lease.release();
    }
    say("wait");
    const alone = parts.alone();
    let swept: Swept | undefined;
    try {
      say("sweep");
      if (!parts.isReplaced()) swept = sweep(store, parts, { marked, options });
    } finally {
      alone.release();
    }
    // What was found out is of no use for another index: begin anew.
    if (swept === undefined) continue;
    say("clean");
    return clean(store, parts, { swept, options, grownBytes: copiedBytes - before });
  }
}

interface Copied {
  /** Only with exits of which all is copied. */
  readonly marked: Marked;
  readonly bytes: number;
}

/**
 * Copies what is kept out of packs that go, as far as there is room, and proves that nothing else of them is kept. What
 * was copied is found in its new place.
 */
function copyOut(store: Store, { layout }: GcParts, marked: Marked): Copied {
  const { index, marks, plan } = marked;
  const ids = new Set<Digest>();
  const copied = plan.exits.filter(fitting(roomIn(layout)));
  const isDone = unlessFull(() => {
    copyKept(exitsOf(marked, copied), {
      layout,
      framesOf: (digest) => store.streamFrames(digest),
      onMade: (pack) => {
        ids.add(pack.id);
        index.transaction(() => index.addPack(pack, { prefer: true }));
      },
    });
  });
  // What was written in vain takes the room that is needed to go on. A new pack that got no rows is like garbage.
  if (!isDone) unlessFull(() => index.trim());
  // A new pack may be the same, byte for byte, as an old one whose contents were found elsewhere.
  const done = copied.filter(({ pack, keptCount }) => !ids.has(pack.id) && (isDone || keptCount === 0));
  for (const { pack } of done) verifyCopied(pack, (digest) => marks.keeps(digest), { index, layout });
  for (const { pack } of plan.exits) ids.delete(pack.id);
  const { bytes } = diskUseOf([...ids].map((id) => layout.pack(id)));
  return { marked: { ...marked, plan: withExits(plan, done) }, bytes };
}

/** Tells of one exit after the other whether there is room for what is kept of it. */
function fitting(roomBytes: number): (exit: PackPlan) => boolean {
  let left = roomBytes;
  return ({ keptBytes }) => {
    if (keptBytes === 0) return true;
    // Tables, and what the index takes meanwhile.
    const bytes = 2 * keptBytes;
    if (bytes > left) return false;
    left -= bytes;
    return true;
  };
}

function* exitsOf({ index, marks }: Marked, exits: readonly PackPlan[]): Iterable<PackExit> {
  for (const { pack, keptCount } of exits) {
    if (keptCount === 0) continue;
    const { contents, joins } = index.listed(pack);
    const keep = contents.filter(({ content }) => marks.keeps(content.digest));
    yield { pack, keep, joins: joins.map(({ join }) => join).filter(({ digest }) => marks.keeps(digest)), drop: [] };
  }
}
