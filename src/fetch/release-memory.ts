// SPDX-License-Identifier: Apache-2.0
import { type Digest, digestOf, hexOf, isDigest, type Json } from "../base/index.ts";
import type { Store } from "../store/index.ts";
import type { ReleaseMemory } from "./check-release.ts";
import type { ArchiveSource } from "./mirrors.ts";

/** What this folder needs of the store to remember release files. */
export type ReleaseStore = Pick<Store, "has" | "read" | "put" | "putRecord" | "readRecord" | "getRef" | "setRef">;

/**
 * The ref that remembers a source: by suite, the archive's identity and its keys, but not by mirror, so that
 * a stale mirror is noticed when another one was fresher.
 */
export function memoryRef(source: ArchiveSource, keyringId: string): string {
  const identity = JSON.stringify([source.suite, source.uri ?? source.archive ?? "main", keyringId]);
  return `archive/${source.suite.replace(/[^A-Za-z0-9._-]/g, "_")}-${hexOf(digestOf(identity)).slice(0, 16)}`;
}

/** The newest Release file accepted under this ref, or undefined where none was, or the record is not ours. */
export function recallRelease(store: ReleaseStore, ref: string): ReleaseMemory | undefined {
  const record = store.getRef(ref);
  if (record === undefined) return undefined;
  const value = store.readRecord(record).value as { readonly [key: string]: Json };
  const { kind, release, dateSeconds, codename, origin, label } = value;
  if (kind !== "archive/v1" || typeof release !== "string" || !isDigest(release)) return undefined;
  if (typeof dateSeconds !== "number") return undefined;
  return { release, dateSeconds, codename: String(codename), origin: String(origin), label: String(label) };
}

/**
 * Keeps a Release file (and its signature) in the store, and remembers it where it is the newest so far: what
 * is accepted once although it is older does not make the next older one acceptable. Durable when it returns.
 */
export function rememberRelease(
  store: ReleaseStore,
  ref: string,
  {
    seen,
    now,
    kept,
  }: {
    readonly seen: ReleaseMemory | undefined;
    readonly now: ReleaseMemory;
    readonly kept: readonly Digest[];
  },
): void {
  if (seen !== undefined && seen.release === now.release) return;
  const newest = seen !== undefined && seen.dateSeconds > now.dateSeconds ? seen : now;
  const contents = [...new Set([...kept, newest.release])].filter((digest) => store.has(digest));
  store.setRef(ref, store.putRecord({ kind: "archive/v1", ...newest }, { contents }));
}
