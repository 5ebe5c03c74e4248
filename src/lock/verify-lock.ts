// SPDX-License-Identifier: Apache-2.0
import { AshlarError } from "../base/index.ts";
import { type Archive, type ArchiveOptions, fetchArchive, type Fetcher } from "../fetch/index.ts";
import type { Document } from "../spec/index.ts";
import { planLock } from "./image-chain.ts";
import type { Lock, LockedPackage, LockedSource } from "./lock.ts";

/**
 * Proves a lock from the signature down: each source's Release file (from the store, else a mirror) must have
 * the locked digest and verify, and its indexes must list every package of that source with the locked
 * digest, size and file name. Throws `VERIFY_LOCK` and what `fetchArchive` throws.
 */
export async function verifyLock(
  lock: Lock,
  document: Document,
  { fetcher, ...options }: Omit<ArchiveOptions, "pinned"> & { readonly fetcher: Fetcher },
): Promise<void> {
  const wanted = new Map(
    planLock(document)
      .flatMap(({ sources }) => sources)
      .map((source) => [source.name, source]),
  );
  const packages = [...lock.images, ...lock.steps].flatMap((holder) => holder.packages);
  for (const locked of lock.sources) {
    const source = wanted.get(locked.name);
    if (source === undefined) throw unproved(`source "${locked.name}"`, "the spec has no such source");
    const own = packages.filter(({ from }) => from === locked.name);
    const architectures = architecturesOf(own, packages);
    const pinned = { release: locked.release, signature: locked.signature };
    const archive = await fetchArchive(fetcher, { source, architectures }, { ...options, pinned });
    checkSource(locked, archive);
    for (const item of own) checkPackage(item, archive);
  }
}

/** Packages of "all" stand in the index of every architecture: any one that the lock has will do. */
function architecturesOf(own: readonly LockedPackage[], all: readonly LockedPackage[]): readonly string[] {
  const real = (items: readonly LockedPackage[]): string[] =>
    [...new Set(items.map(({ architecture }) => architecture))].filter((name) => name !== "all").sort();
  const mine = real(own);
  return mine.length > 0 ? mine : real(all).slice(0, 1);
}

function checkSource(locked: LockedSource, archive: Archive): void {
  const stranger = locked.signedBy.find((print) => !archive.signedBy.includes(print));
  if (stranger !== undefined) throw unproved(`source "${locked.name}"`, `it is not signed by ${stranger}`);
  if (archive.dateSeconds === locked.dateSeconds && archive.release.codename === locked.codename) return;
  throw unproved(`source "${locked.name}"`, "its date or codename is not that of the Release file");
}

function checkPackage(item: LockedPackage, archive: Archive): void {
  const { name, version, architecture, digest, sizeBytes, sourceName, sourceVersion } = item;
  const listed = [...archive.packages.values()].flat().flatMap((index) => index.named(name));
  const same = listed.find((other) => other.version === version && other.architecture === architecture);
  const what = `package "${name}" ${version} (${architecture})`;
  if (same === undefined) throw unproved(what, `source "${item.from}" has no such package`);
  if (same.digest !== digest)
    throw unproved(what, `source "${item.from}" has digest ${same.digest}, the lock ${digest}`);
  const isSame =
    same.sizeBytes === sizeBytes && same.sourceName === sourceName && same.sourceVersion === sourceVersion;
  if (!isSame) throw unproved(what, "its size or source package is not what the archive says");
}

function unproved(what: string, why: string): AshlarError {
  return new AshlarError("VERIFY_LOCK", `Cannot prove ${what} of the lock: ${why}`, {
    hint: "write the lock anew: ashlar lock",
  });
}
