// SPDX-License-Identifier: Apache-2.0
import type { Digest } from "../base/index.ts";
import { partsHere } from "../build/index.ts";
import type { LockedPackage } from "../lock/index.ts";
import { fetchUnpacked, type UnpackedReport } from "../mirror/index.ts";
import { formatReference } from "../oci/index.ts";
import { interruptible } from "./interruption.ts";
import type { Fetching } from "./package-sources.ts";
import { openRemotePlace, requireRepository } from "./remote-place.ts";
import { showBytes } from "./show.ts";

interface ByFile extends Fetching {
  /** Repositories as `ASHLAR_PACKAGES` names them. */
  readonly texts: readonly string[];
  readonly anySize: boolean;
}

/**
 * Takes packages by file from registries. A store without images has nothing that could be spared: then nobody is
 * asked, unless .debs cannot be had. Throws `USAGE_REFERENCE`.
 */
export async function fetchByFile(packages: readonly LockedPackage[], fetching: ByFile): Promise<void> {
  const { shell, store, progress, texts, anySize } = fetching;
  const references = texts.map((text) => requireRepository(text, "ASHLAR_PACKAGES"));
  if (!anySize && partsHere(store).next().done === true) return;
  await interruptible(async (signal) => {
    const remotes = references.map((reference) => openRemotePlace(shell, reference, { progress, signal }));
    const places = remotes.map((source) => ({ name: formatReference(source.reference), source }));
    const parts = (): Iterable<Digest> => partsHere(store);
    try {
      await fetchUnpacked(packages, { store, places, partsHere: parts, progress, signal, anySize, summary: summaryOf });
    } finally {
      for (const remote of remotes) await remote.close();
    }
  });
}

function summaryOf({ packages, asked, fetchedBytes, debBytes }: UnpackedReport): string {
  return `${packages} of ${asked} packages, ${showBytes(fetchedBytes)} in place of ${showBytes(debBytes)}`;
}
