// SPDX-License-Identifier: Apache-2.0
import type { Digest } from "../base/index.ts";
import { safePath } from "./address.ts";
import { isPresent } from "./download-content.ts";
import { type DownloadArea, type Fetcher, offlineError } from "./fetcher.ts";
import { type ArchiveSource, type MirrorSettings, resolveMirrors } from "./mirrors.ts";

/** One package file of a lock. */
export interface PackageRequest {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
  readonly digest: Digest;
  readonly sizeBytes: number;
  readonly filename: string;
  readonly source: ArchiveSource;
  /** Date of the source's Release file: when a snapshot service had the file. */
  readonly dateSeconds: number;
}

/** A snapshot is taken up to some hours after the archive's Release file was made. */
const snapshotDelaySeconds = 12 * 3600;

/**
 * Makes all package files lie in the download area, several at a time, each once, verified by digest.
 * Returns where they lie, by digest; `onFile` hears of each as soon as it is there. When one fails the
 * others are still waited for, and what came stays for the next run.
 * Throws what `Fetcher.content` throws; offline, one `FETCH_OFFLINE` names all that is missing.
 */
export async function fetchPackages(
  fetcher: Fetcher,
  requests: readonly PackageRequest[],
  options: {
    readonly area: DownloadArea;
    readonly mirrors: MirrorSettings;
    readonly onFile?: ((digest: Digest, path: string) => void) | undefined;
  },
): Promise<ReadonlyMap<Digest, string>> {
  const wanted = [...new Map(requests.map((request) => [request.digest, request])).values()];
  if (fetcher.offline) requireAll(wanted, options.area);
  const paths = new Map<Digest, string>();
  const downloads = wanted.map(async (request) => {
    const path = await fetchPackage(fetcher, request, options.mirrors);
    paths.set(request.digest, path);
    options.onFile?.(request.digest, path);
  });
  const failed = (await Promise.allSettled(downloads)).find((result) => result.status === "rejected");
  if (failed !== undefined) throw failed.reason;
  return paths;
}

function requireAll(requests: readonly PackageRequest[], area: DownloadArea): void {
  const missing = requests.filter((request) => !isPresent(area.downloadPath(request.digest), request));
  if (missing.length > 0) throw offlineError(...missing.map(nameOf));
}

function nameOf({ name, version, architecture }: PackageRequest): string {
  return `package ${name} ${version} (${architecture})`;
}

async function fetchPackage(fetcher: Fetcher, request: PackageRequest, settings: MirrorSettings): Promise<string> {
  const { digest, sizeBytes, source, dateSeconds } = request;
  // Without a mirror a file that is here already is still of use.
  const mirrors = fetcher.offline ? [] : resolveMirrors(source, settings, dateSeconds + snapshotDelaySeconds);
  const paths = [safePath(request.filename)];
  return fetcher.content({ name: nameOf(request), digest, sizeBytes, paths, mirrors });
}
