// SPDX-License-Identifier: Apache-2.0
import { isAshlarError } from "../base/index.ts";
import { originOf } from "../build/index.ts";
import { imageRefPrefix, readNamedRecord } from "../image/index.ts";
import type { FsckReport, Ref, Store } from "../store/index.ts";
import type { Origin } from "./origin.ts";

/** What some names of the store point to and is not whole. */
export interface Broken {
  /** Without the prefix of images; others are shown as they are. */
  readonly names: readonly string[];
  readonly refs: readonly string[];
  readonly isImage: boolean;
  /** What brings it back, where that is known. */
  readonly origin: Origin | undefined;
}

/** The name of a ref as people know it. */
export function shownRef(name: string): string {
  return name.startsWith(imageRefPrefix) ? name.slice(imageRefPrefix.length) : name;
}

/** What is hit by the faults of a report, those together that point to the same. */
export function brokenImages(store: Store, { faults }: FsckReport): Broken[] {
  const hit = new Set(faults.flatMap(({ refs }) => refs));
  if (hit.size === 0) return [];
  const refs = store.listRefs().filter(({ name }) => hit.has(name));
  return [...Map.groupBy(refs, ({ target }) => target).values()].map((same) => ({
    names: same.map(({ name }) => shownRef(name)),
    refs: same.map(({ name }) => name),
    isImage: same.some(({ name }) => name.startsWith(imageRefPrefix)),
    origin: same.find(({ origin }) => origin !== undefined)?.origin ?? knownOrigin(store, same[0] as Ref),
  }));
}

/** Of images pulled before refs said so: the record has the registry, if it can still be read. */
function knownOrigin(store: Store, { name, target }: Ref): Origin | undefined {
  if (!name.startsWith(imageRefPrefix)) return undefined;
  try {
    const record = readNamedRecord(store, target);
    const from = originOf(store, record);
    const isBuilt = record.images.some((image) => "document" in (store.readRecord(image.record).value as object));
    if (from === undefined || isBuilt) return undefined;
    const platform = record.images.length > 1 ? "all" : (record.images[0]?.platform ?? "all");
    return ["pull", `${from}@${record.digest}`, "--name", record.name, "--platform", platform];
  } catch (error) {
    if (!isAshlarError(error)) throw error;
    return undefined;
  }
}
