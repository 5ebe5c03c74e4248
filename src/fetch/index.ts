// SPDX-License-Identifier: Apache-2.0
/**
 * From an address and a promise (size, digest, signature) to verified bytes.
 *
 * - mirror: a base address below which an archive's `dists` and `pool` lie; configuration, never locked
 * - archive: a suite of a source, verified from its signature down to the package index
 * - download area: verified files by digest, in the store's directory; beginnings of files beside them
 * - pinned: named by a lock; then age and roll-back no longer matter
 *
 *     const fetcher = openFetcher({ area: store });
 *     const archive = await fetchArchive(fetcher, { source, architectures: ["amd64"] }, options);
 *     const paths = await fetchPackages(fetcher, requests, { area: store, mirrors });
 */
export { safePath } from "./address.ts";
export type { AptSourcesFile } from "./apt-sources.ts";
export type { ReleaseOverrides } from "./check-release.ts";
export { type Archive, type ArchiveOptions, fetchArchive } from "./fetch-archive.ts";
export { fetchPackages, type PackageRequest } from "./fetch-packages.ts";
export { type DownloadArea, type Fetcher, type FetcherOptions, type FetchEvent, openFetcher } from "./fetcher.ts";
export { type HttpClient, type HttpOptions, openHttpClient, type Proxies } from "./http-transport.ts";
export { inTurn } from "./in-turn.ts";
export { makeLimiter } from "./limiter.ts";
export { fetchSourceFiles, type SourceFileRequest } from "./source-files.ts";
export { type ArchiveSource, type Mirror, type MirrorSettings, resolveMirrors } from "./mirrors.ts";
export { Partial } from "./partial.ts";
export type { ReleaseStore } from "./release-memory.ts";
