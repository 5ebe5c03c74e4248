// SPDX-License-Identifier: Apache-2.0
import { AshlarError, canonicalJson, compareOrdinal, type Json } from "../base/index.ts";
import type { LockedVersion } from "../debian/index.ts";
import type { Archive, ArchiveOptions, Fetcher } from "../fetch/index.ts";
import { compressorId } from "../formats/index.ts";
import { type Document, documentDigest } from "../spec/index.ts";
import { askedOf } from "./asked.ts";
import { fetchSources, lockedSources } from "./fetch-sources.ts";
import type { ReadBase } from "./foreign-base.ts";
import { type LockTask, planLock } from "./image-chain.ts";
import type { Lock, LockedImage, LockedPackage } from "./lock.ts";
import { resolveImage } from "./resolve-image.ts";

export interface ResolveRequest extends Omit<ArchiveOptions, "pinned"> {
  readonly document: Document;
  readonly fetcher: Fetcher;
  /** Needed where an image stands on one made elsewhere. */
  readonly readBase?: ReadBase;
  /** The lock so far; its versions are kept as long as the archives have them. */
  readonly previous?: Lock | undefined;
  /** Absent: only what the spec's changes ask for. "all": the newest of everything. Names: these packages. */
  readonly update?: "all" | readonly string[] | undefined;
}

/**
 * Decides which package files every image of a document has on every platform.
 *
 * Without `update` the previous lock is kept where it can be: when the document asks the archives for
 * nothing new, nobody is asked and only the document's digest changes; else what is locked stays at its
 * version. With the same archives the result is the same, byte for byte once encoded.
 * Throws `LOCK_*`, what `fetchArchive` throws, and the solver's `SOLVER_*` with the image in `because`.
 */
export async function resolveLock(request: ResolveRequest): Promise<Lock> {
  const { document, fetcher, previous, update } = request;
  const asked = askedOf(document);
  const head = { document: documentDigest(document), compressor: compressorId(), asked };
  if (previous !== undefined && update === undefined && isSame(previous.asked, asked)) {
    return { ...head, sources: previous.sources, images: previous.images, steps: previous.steps };
  }
  const locked = versionsToKeep(previous, update);
  const tasks = planLock(document);
  const archives = await fetchSources(fetcher, tasks, request);
  const images = resolveImages(tasks, archives, locked);
  return { ...head, sources: lockedSources(archives), images, steps: [] };
}

function isSame(a: unknown, b: unknown): boolean {
  return canonicalJson(a as Json) === canonicalJson(b as Json);
}

function resolveImages(
  tasks: readonly LockTask[],
  archives: ReadonlyMap<string, Archive>,
  locked: ReadonlyMap<string, LockedVersions>,
): readonly LockedImage[] {
  /** With everything that the images below bring. */
  const whole = new Map<string, readonly LockedPackage[]>();
  const images = tasks.map((task): LockedImage => {
    const { image, platform, parent } = task;
    const below = parent === undefined ? [] : (whole.get(`${parent} ${platform}`) ?? []);
    const packages = resolveImage(task, { archives, below, locked: locked.get(`${image} ${platform}`) ?? new Map() });
    whole.set(`${image} ${platform}`, [...below, ...packages]);
    return { image, platform, packages };
  });
  return images.sort((a, b) => compareOrdinal(a.image, b.image) || compareOrdinal(a.platform, b.platform));
}

type LockedVersions = ReadonlyMap<string, LockedVersion>;

/** By image and platform: what the previous lock has and this run shall not move. */
function versionsToKeep(
  previous: Lock | undefined,
  update: ResolveRequest["update"],
): ReadonlyMap<string, LockedVersions> {
  if (previous === undefined || update === "all") return new Map();
  const moving = new Set(update ?? []);
  const names = new Set(previous.images.flatMap(({ packages }) => packages.map(({ name }) => name)));
  const unknown = [...moving].filter((name) => !names.has(name));
  if (unknown.length > 0) {
    throw new AshlarError("LOCK_PACKAGE_UNKNOWN", `Cannot update ${unknown.join(", ")}: not in the lock`, {
      hint: "name binary packages that the lock holds, or none to update all",
    });
  }
  return new Map(
    previous.images.map(({ image, platform, packages }) => [
      `${image} ${platform}`,
      new Map(
        packages.filter(({ name }) => !moving.has(name)).map((item) => [`${item.name}:${item.architecture}`, item]),
      ),
    ]),
  );
}
