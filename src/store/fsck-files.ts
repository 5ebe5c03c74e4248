// SPDX-License-Identifier: Apache-2.0
import { rmSync } from "node:fs";

import { listPlans, planFault } from "./checkout-plan.ts";
import { attempt, type FsckSession } from "./fsck-session.ts";
import { dropRoots, listRoots, rootFaults } from "./kept-roots.ts";
import { filesBelow } from "./layout.ts";
import { listLinks } from "./link-farm.ts";
import { hashFile, linkFault } from "./link-fault.ts";

export function checkLinks(session: FsckSession): void {
  for (const { name, path } of listLinks(session.parts.layout)) {
    const why = linkFault(name, path, { full: session.options.full, store: session.store });
    if (why === undefined) continue;
    session.say(path, why, "somebody wrote into a checkout by links; repair removes the link");
    if (session.repairs) rmSync(path, { force: true });
  }
}

/** Repair takes all away: where a link was bad, its inode is there too. */
export function checkRoots(session: FsckSession): void {
  const { layout } = session.parts;
  for (const { tree, path } of listRoots(layout)) {
    const why = attempt(() => [...rootFaults(path, session.store.readTree(tree))])[0];
    if (why !== undefined) session.say(path, why, "repair removes it; it is made again when needed");
  }
  if (session.repairs) dropRoots(layout);
}

export function checkPlans(session: FsckSession): void {
  for (const plan of listPlans(session.parts.layout)) {
    const why = attempt(() => [planFault(plan, (digest) => session.store.readTree(digest)) ?? []].flat())[0];
    if (why === undefined) continue;
    session.say(plan.path, why, "repair removes it; it is made again when needed");
    if (session.repairs) rmSync(plan.path, { force: true });
  }
}

export function checkDownloads(session: FsckSession): void {
  if (!session.options.full) return;
  for (const path of filesBelow(session.parts.layout.downloads)) {
    // Anything else is a download that goes on.
    if (!/\/[0-9a-f]{64}$/.test(path)) continue;
    if (path.endsWith(`/${hashFile(path)}`)) continue;
    session.say(path, "its bytes do not have the digest of its name", "repair removes it");
    if (session.repairs) rmSync(path, { force: true });
  }
}
