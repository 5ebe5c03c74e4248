// SPDX-License-Identifier: Apache-2.0
import type { Digest, Progress } from "../base/index.ts";
import { type FetchUnpacked, partsHere } from "../build/index.ts";
import { fetchPackages } from "../fetch/index.ts";
import type { Lock, LockedPackage } from "../lock/index.ts";
import { fetchUnpacked, type UnpackedReport } from "../mirror/index.ts";
import { formatReference } from "../oci/index.ts";
import type { Document } from "../spec/index.ts";
import type { Store } from "../store/index.ts";
import { interruptible } from "./interruption.ts";
import { mirrorSettings, openNetwork, showDownloads } from "./network.ts";
import { openRemotePlace, requireRepository } from "./remote-place.ts";
import type { Shell } from "./shell.ts";
import { showBytes } from "./show.ts";
import { sourcesByName } from "./sources-by-name.ts";

/** Who fetches, and with what. */
interface Fetching {
  readonly shell: Shell;
  readonly options: { readonly offline?: boolean };
  readonly store: Store;
  readonly progress: Progress;
}

/** Makes the .debs of packages lie at `store.downloadPath(digest)`, from the archives of the spec. */
export async function fetchDebs(
  { shell, options, store, progress, lock, document }: Fetching & { readonly lock: Lock; readonly document: Document },
  packages: readonly LockedPackage[],
): Promise<void> {
  const total = packages.reduce((sum, item) => sum + item.sizeBytes, 0);
  const shown = showDownloads(progress, "fetch packages", total);
  const fetcher = openNetwork(shell, { store, offline: options.offline === true, onEvent: shown.onEvent });
  const sources = sourcesByName(document);
  const dates = new Map(lock.sources.map((source) => [source.name, source.dateSeconds]));
  const requests = packages.map((item) => ({
    ...item,
    source: sources.get(item.from) ?? { name: item.from, suite: item.from, components: [] },
    dateSeconds: dates.get(item.from) ?? 0,
  }));
  try {
    await fetchPackages(fetcher, requests, { area: store, mirrors: mirrorSettings(shell) });
    shown.done();
  } finally {
    await fetcher.close();
  }
}

/**
 * Takes packages by file from the repositories that `ASHLAR_PACKAGES` names; undefined where it names none. A store
 * without images has nothing that could be spared: it is not asked for unless .debs cannot be had. Throws
 * `USAGE_REFERENCE`.
 */
export function fetchByFile({ shell, store, progress }: Fetching): FetchUnpacked | undefined {
  const texts = (shell.env["ASHLAR_PACKAGES"] ?? "").split(/\s+/).filter((text) => text !== "");
  if (texts.length === 0) return undefined;
  const references = texts.map((text) => requireRepository(text, "ASHLAR_PACKAGES"));
  return async (packages, { anySize }) => {
    if (!anySize && partsHere(store).next().done === true) return undefined;
    return interruptible(async (signal) => {
      const remotes = references.map((reference) => openRemotePlace(shell, reference, { progress, signal }));
      const places = remotes.map((source) => ({ name: formatReference(source.reference), source }));
      try {
        const parts = (): Iterable<Digest> => partsHere(store);
        const asked = { store, places, partsHere: parts, progress, anySize, summary: summaryOf };
        return await fetchUnpacked(packages, asked);
      } finally {
        for (const remote of remotes) await remote.close();
      }
    });
  };
}

function summaryOf({ packages, asked, fetchedBytes, debBytes }: UnpackedReport): string {
  return `${packages} of ${asked} packages, ${showBytes(fetchedBytes)} in place of ${showBytes(debBytes)}`;
}
