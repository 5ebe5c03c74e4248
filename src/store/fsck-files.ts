// SPDX-License-Identifier: Apache-2.0
import { lstatSync, rmSync } from "node:fs";
import { basename } from "node:path";

import { digestFromHex } from "../base/index.ts";
import { type KeptPlan, listPlans, planFault } from "./checkout-plan.ts";
import { attempt, type FsckSession } from "./fsck-session.ts";
import { isInSubset } from "./fsck-report.ts";
import { dropRoots, listRoots, rootFaults } from "./kept-roots.ts";
import { filesBelow } from "./layout.ts";
import { listLinks } from "./link-farm.ts";
import { hashFile, linkFault } from "./link-fault.ts";

export function checkLinks(session: FsckSession): void {
  const { full, store } = session;
  let [count, bytes] = [0, 0];
  for (const { path } of chosenLinks(session)) {
    count++;
    if (full) bytes += lstatSync(path).size;
  }
  const step = session.start("links", full ? bytes : count, full ? "bytes" : "items");
  for (const { name, path } of chosenLinks(session)) {
    const why = linkFault(name, path, { full, store });
    step.advance(full ? lstatSync(path).size : 1);
    if (why === undefined) continue;
    const hint = "somebody wrote into a checkout by links; repair removes the link";
    session.say({ kind: "link", what: path, why, hint, repair: "removed" });
    if (session.repairs) rmSync(path, { force: true });
  }
  step.done(String(count));
}

function* chosenLinks({ parts, options }: FsckSession): Iterable<{ readonly name: string; readonly path: string }> {
  for (const link of listLinks(parts.layout)) if (isInSubset(link.name, options.subset)) yield link;
}

/** Repair takes all away: where a link was bad, its inode is there too. */
export function checkRoots(session: FsckSession): void {
  const { layout } = session.parts;
  const step = session.start("roots");
  for (const { tree, path } of listRoots(layout)) {
    const why = attempt(() => [...rootFaults(path, session.store.readTree(tree))])[0];
    if (why === undefined) continue;
    const hint = "repair removes it; it is made again when needed";
    session.say({ kind: "root", what: path, why, hint, repair: "removed" });
  }
  if (session.repairs) dropRoots(layout);
  step.done();
}

export function checkPlans(session: FsckSession): void {
  const plans = listPlans(session.parts.layout).filter((plan) => isChosen(plan, session));
  const step = session.start("plans", plans.length, "items");
  for (const plan of plans) {
    const why = attempt(() => [planFault(plan, (digest) => session.store.readTree(digest)) ?? []].flat())[0];
    step.advance(1);
    if (why === undefined) continue;
    const hint = "repair removes it; it is made again when needed";
    session.say({ kind: "plan", what: plan.path, why, hint, repair: "removed" });
    if (session.repairs) rmSync(plan.path, { force: true });
  }
  step.done(String(plans.length));
}

/** A plan that names no tree is looked at with the first part. */
function isChosen({ tree }: KeptPlan, session: FsckSession): boolean {
  return tree === undefined ? (session.options.subset?.part ?? 1) === 1 : session.isChosen(tree);
}

export function checkDownloads(session: FsckSession): void {
  if (!session.full) return;
  // Anything else is a download that goes on.
  const whole = filesBelow(session.parts.layout.downloads).filter((path) => /\/[0-9a-f]{64}$/.test(path));
  const paths = whole.filter((path) => session.isChosen(digestFromHex(basename(path))));
  const step = session.start("downloads", paths.reduce((sum, path) => sum + lstatSync(path).size, 0), "bytes");
  for (const path of paths) {
    const { size } = lstatSync(path);
    const isSound = path.endsWith(`/${hashFile(path)}`);
    step.advance(size);
    if (isSound) continue;
    const why = "its bytes do not have the digest of its name";
    session.say({ kind: "download", what: path, why, hint: "repair removes it", repair: "removed" });
    if (session.repairs) rmSync(path, { force: true });
  }
  step.done(String(paths.length));
}
