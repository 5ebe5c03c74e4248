// SPDX-License-Identifier: Apache-2.0
import { AshlarError, type Digest } from "../base/index.ts";
import { isPresent } from "./download-content.ts";
import { type DownloadArea, type Fetcher, offlineError } from "./fetcher.ts";

/** A file that a spec names by its whole address and digest; its size is not known before it came. */
export interface SourceFileRequest {
  /** http or https, or file for one of the project. */
  readonly url: string;
  readonly digest: Digest;
}

/** Larger than any release of a program; keeps a hostile server from filling the disk. */
const sizeBytesMax = 4 * 2 ** 30;

/**
 * Makes all source files lie in the download area, each once, verified by digest; their paths by digest.
 * When one fails the others are still waited for. Throws `FETCH_ADDRESS_INVALID`, what `Fetcher.file` throws,
 * and offline one `FETCH_OFFLINE` that names all that is missing.
 */
export async function fetchSourceFiles(
  fetcher: Fetcher,
  requests: readonly SourceFileRequest[],
  area: DownloadArea,
): Promise<ReadonlyMap<Digest, string>> {
  const wanted = [...new Map(requests.map((request) => [request.digest, request])).values()].map(checked);
  if (fetcher.offline) requireAll(wanted, area);
  const paths = new Map<Digest, string>();
  const downloads = wanted.map(async ({ name, url, digest }) => {
    paths.set(digest, await fetcher.file({ name, url, digest, sizeBytesMax }));
  });
  const failed = (await Promise.allSettled(downloads)).find((result) => result.status === "rejected");
  if (failed !== undefined) throw failed.reason;
  return paths;
}

interface Wanted {
  readonly name: string;
  readonly url: URL;
  readonly digest: Digest;
}

function checked({ url: text, digest }: SourceFileRequest): Wanted {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (
    url !== undefined &&
    ["http:", "https:", "file:"].includes(url.protocol) &&
    !url.pathname.endsWith("/")
  ) {
    return { name: `source ${nameOf(url)}`, url, digest };
  }
  const message = `Cannot fetch source "${text}": not the address of a file, want http or https`;
  throw new AshlarError("FETCH_ADDRESS_INVALID", message);
}

function nameOf(url: URL): string {
  const last = url.pathname.slice(url.pathname.lastIndexOf("/") + 1);
  try {
    return decodeURIComponent(last);
  } catch {
    return last;
  }
}

function requireAll(wanted: readonly Wanted[], area: DownloadArea): void {
  const far = wanted.filter(({ url }) => url.protocol !== "file:");
  const missing = far.filter(
    ({ digest }) => !isPresent(area.downloadPath(digest), { digest, sizeBytes: undefined }),
  );
  if (missing.length > 0) throw offlineError(...missing.map(({ name }) => name));
}
