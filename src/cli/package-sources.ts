// SPDX-License-Identifier: Apache-2.0
import type { Progress } from "../base/index.ts";
import type { FetchUnpacked } from "../build/index.ts";
import { fetchPackages } from "../fetch/index.ts";
import type { Lock, LockedPackage } from "../lock/index.ts";
import type { Document } from "../spec/index.ts";
import type { Store } from "../store/index.ts";
import { mirrorSettings, openNetwork, showDownloads } from "./network.ts";
import type { Shell } from "./shell.ts";
import { sourcesByName } from "./sources-by-name.ts";

/** Who fetches, and with what. */
export interface Fetching {
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

/** Takes packages by file where `ASHLAR_PACKAGES` names repositories; what it takes is loaded then. */
export function fetchingByFile(fetching: Fetching): FetchUnpacked | undefined {
  const texts = (fetching.shell.env["ASHLAR_PACKAGES"] ?? "").split(/\s+/).filter((text) => text !== "");
  if (texts.length === 0 || fetching.options.offline === true) return undefined;
  return async (packages, { anySize }) => {
    const { fetchByFile } = await import("./fetch-by-file.ts");
    return fetchByFile(packages, { ...fetching, texts, anySize });
  };
}
