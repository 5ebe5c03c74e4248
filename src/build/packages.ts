// SPDX-License-Identifier: Apache-2.0
import type { Digest, Progress } from "../base/index.ts";
import { type PackageRecord, unpackAction, unpackAll, type UnpackTask } from "../assemble/index.ts";
import type { LockedPackage } from "../lock/index.ts";
import type { Store } from "../store/index.ts";

export interface PackageStep {
  readonly store: Store;
  readonly storeDir: string;
  readonly workers: number;
  readonly progress: Progress;
  /** Makes the .debs lie at `store.downloadPath(digest)`. */
  readonly fetch: (packages: readonly LockedPackage[]) => Promise<void>;
}

/** Makes every package's record exist: what was unpacked before is remembered, the rest is fetched and unpacked. */
export async function unpackPackages(
  packages: readonly LockedPackage[],
  step: PackageStep,
): Promise<Map<Digest, Digest>> {
  const { store, progress } = step;
  const records = new Map<Digest, Digest>();
  const missing = new Map<Digest, LockedPackage>();
  for (const locked of packages) {
    const known = store.getAction(unpackAction(locked.digest))?.value;
    if (known === undefined) missing.set(locked.digest, locked);
    else records.set(locked.digest, known as Digest);
  }
  if (missing.size === 0) return records;
  const wanted = [...missing.values()];
  await step.fetch(wanted);
  const shown = progress.start("unpack packages", wanted.length, "items");
  const tasks = wanted.map((locked) => taskOf(store, locked));
  const made = await unpackAll(tasks, { ...step, onDone: () => shown.advance(1) });
  shown.done(`${wanted.length} unpacked, ${records.size} remembered`);
  for (const [deb, record] of made) records.set(deb, record);
  return records;
}

function taskOf(store: Store, locked: LockedPackage): UnpackTask {
  const { name, version, architecture, digest, sizeBytes } = locked;
  return { name, version, architecture, digest, sizeBytes, path: store.downloadPath(digest) };
}

/** Reads a package's record. */
export function readPackageRecord(store: Store, digest: Digest): PackageRecord {
  return store.readRecord(digest).value as unknown as PackageRecord;
}
