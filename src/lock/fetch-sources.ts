// SPDX-License-Identifier: Apache-2.0
import { AshlarError, byText, canonicalJson, compareOrdinal, type Json } from "../base/index.ts";
import { type Archive, type ArchiveOptions, fetchArchive, type Fetcher } from "../fetch/index.ts";
import type { SourceDocument } from "../spec/index.ts";
import type { SolveTask } from "./image-chain.ts";
import type { LockedSource } from "./lock.ts";

/** The archives of all tasks by source name: each is fetched once, for all architectures that need it. */
export async function fetchSources(
  fetcher: Fetcher,
  tasks: readonly SolveTask[],
  options: ArchiveOptions,
): Promise<ReadonlyMap<string, Archive>> {
  const wanted = new Map<string, { readonly source: SourceDocument; readonly architectures: Set<string> }>();
  for (const task of tasks) {
    for (const source of task.sources) {
      const known = wanted.get(source.name) ?? { source, architectures: new Set<string>() };
      if (canonicalJson(known.source as unknown as Json) !== canonicalJson(source as unknown as Json)) {
        throw new AshlarError(
          "LOCK_SOURCE_CONFLICT",
          `Cannot lock source "${source.name}": two images describe it differently`,
          {
            hint: "give one of them another name",
          },
        );
      }
      for (const architecture of [task.architecture, ...task.foreign]) known.architectures.add(architecture);
      wanted.set(source.name, known);
    }
  }
  const archives = new Map<string, Archive>();
  for (const [name, { source, architectures }] of [...wanted].sort(byText(([name]) => name))) {
    const request = { source, architectures: [...architectures].sort(compareOrdinal) };
    archives.set(name, await fetchArchive(fetcher, request, options));
  }
  return archives;
}

/** The lock's description of the archives, sorted by name. */
export function lockedSources(archives: ReadonlyMap<string, Archive>): readonly LockedSource[] {
  const sources = [...archives.values()].map((archive): LockedSource => ({
    name: archive.source.name,
    suite: archive.source.suite,
    codename: archive.release.codename,
    release: archive.releaseDigest,
    dateSeconds: archive.dateSeconds,
    signedBy: archive.signedBy,
    ...(archive.signatureDigest === undefined ? {} : { signature: archive.signatureDigest }),
    ...(archive.overrides.length === 0 ? {} : { overrides: archive.overrides }),
  }));
  return sources.sort(byText(({ name }) => name));
}
