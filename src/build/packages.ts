// SPDX-License-Identifier: Apache-2.0
import { existsSync } from "node:fs";

import { type Digest, isAshlarError, type Progress } from "../base/index.ts";
import { type PackageRecord, unpackAll, type UnpackTask } from "../assemble/index.ts";
import { type LockedPackage, withoutUnpacked } from "../lock/index.ts";
import { knownRecord, verifyClaims } from "../mirror/index.ts";
import type { Store } from "../store/index.ts";

export interface PackageStep {
  readonly store: Store;
  readonly storeDir: string;
  readonly workers: number;
  readonly progress: Progress;
  /** Makes the .debs lie at `store.downloadPath(digest)`. */
  readonly fetch: (packages: readonly LockedPackage[]) => Promise<void>;
  /** Takes what it can of packages by file, as their lock allows; the others are unpacked. */
  readonly fetchUnpacked?: FetchUnpacked | undefined;
}

/** `anySize`: also what costs more than the .debs, as these cannot be had. */
export type FetchUnpacked = (
  packages: readonly LockedPackage[],
  options: { readonly anySize: boolean },
) => Promise<unknown>;

/**
 * Makes every package's record exist: what was unpacked or taken before is remembered, the rest is taken by file
 * where that can be, else fetched and unpacked. Throws `VERIFY_UNPACKED` where the lock is wrong about a package that
 * was unpacked here, and what fetching and unpacking throws.
 */
export async function unpackPackages(
  packages: readonly LockedPackage[],
  step: PackageStep,
): Promise<Map<Digest, Digest>> {
  const { store } = step;
  const records = new Map<Digest, Digest>();
  const recall = (locked: LockedPackage): boolean => {
    const known = knownRecord(store, locked);
    if (known !== undefined) records.set(locked.digest, known);
    return known !== undefined;
  };
  const wanted = await fetchMissing(distinctPackages(packages).filter((locked) => !recall(locked)), step, recall);
  if (wanted.length === 0) return records;
  const remembered = records.size;
  const made = await unpackDebs(wanted, step, (count) => `${count} unpacked, ${remembered} remembered`);
  verifyClaims(wanted, (locked) => made.get(locked.digest) as Digest);
  for (const [deb, record] of made) records.set(deb, record);
  return records;
}

/** Brings packages that are missing, by file or as .debs; those that are here as .debs now. */
async function fetchMissing(
  missing: readonly LockedPackage[],
  step: PackageStep,
  isKnown: (locked: LockedPackage) => boolean,
): Promise<readonly LockedPackage[]> {
  if (missing.length === 0) return [];
  await step.fetchUnpacked?.(missing, { anySize: false });
  const wanted = missing.filter((locked) => !isKnown(locked));
  if (wanted.length === 0) return [];
  try {
    await step.fetch(wanted);
    return wanted;
  } catch (error) {
    if (step.fetchUnpacked === undefined || !isAshlarError(error) || !error.code.startsWith("FETCH_")) throw error;
    // Archives forget versions; who publishes packages may still have them.
    const lost = wanted.filter(({ digest }) => !existsSync(step.store.downloadPath(digest)));
    await step.fetchUnpacked(lost, { anySize: true });
    if (!lost.every(isKnown)) throw error;
    return wanted.filter((locked) => !isKnown(locked));
  }
}

/** As `unpackPackages`, but nothing that anybody claims counts: every record comes of a .deb that was unpacked here. */
export function unpackHere(
  packages: readonly LockedPackage[],
  step: Omit<PackageStep, "fetchUnpacked">,
): Promise<Map<Digest, Digest>> {
  return unpackPackages(packages.map(withoutUnpacked), { ...step, fetchUnpacked: undefined });
}

/** Unpacks every package's .deb once more, whatever is remembered, and gives what it unpacks to. */
export async function unpackAgain(
  packages: readonly LockedPackage[],
  step: Omit<PackageStep, "fetchUnpacked">,
): Promise<Map<Digest, Digest>> {
  const wanted = distinctPackages(packages);
  await step.fetch(wanted);
  return unpackDebs(wanted, step, (count) => `${count} unpacked again`);
}

function distinctPackages(packages: readonly LockedPackage[]): readonly LockedPackage[] {
  return [...new Map(packages.map((locked) => [locked.digest, locked])).values()];
}

async function unpackDebs(
  wanted: readonly LockedPackage[],
  step: Omit<PackageStep, "fetchUnpacked">,
  summary: (count: number) => string,
): Promise<Map<Digest, Digest>> {
  const shown = step.progress.start("unpack packages", wanted.length, "items");
  const tasks = wanted.map((locked) => taskOf(step.store, locked));
  const made = await unpackAll(tasks, { ...step, onDone: () => shown.advance(1) });
  shown.done(summary(wanted.length));
  return made;
}

function taskOf(store: Store, locked: LockedPackage): UnpackTask {
  const { name, version, architecture, digest, sizeBytes } = locked;
  return { name, version, architecture, digest, sizeBytes, path: store.downloadPath(digest) };
}

/** Reads a package's record. */
export function readPackageRecord(store: Store, digest: Digest): PackageRecord {
  return store.readRecord(digest).value as unknown as PackageRecord;
}
