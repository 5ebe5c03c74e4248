// SPDX-License-Identifier: Apache-2.0
import { AshlarError } from "../base/index.ts";
import { showAddress } from "./address.ts";

/** What came back for a GET. */
export interface Answer {
  readonly status: number;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  /** The bytes as sent; must be read to its end or given to `discard`. */
  readonly body: AsyncIterable<Uint8Array>;
  /** Ends the answer without reading it. */
  discard(): Promise<void>;
}

export interface GetOptions {
  /** First byte wanted; the answer has status 206 when it starts there, 200 when it starts at 0. */
  readonly offset?: number;
  readonly signal?: AbortSignal | undefined;
}

/** The outside world of this folder: gives bytes for an address. Several calls run at the same time. */
export interface Transport {
  /** Throws `FETCH_REDIRECT_*`, and errors of the system or the client where no answer came. */
  get(url: URL, options: GetOptions): Promise<Answer>;
  /** Ends all connections; idempotent. */
  close(): Promise<void>;
}

const redirectCountMax = 5;

/**
 * Follows redirects by hand: at most 5, only to http and https, never from https to http, and without
 * credentials once the origin changes. Hashes and sizes never come from a header (CVE-2019-3462).
 */
export async function getFollowing(url: URL, get: (url: URL) => Promise<Answer>): Promise<Answer> {
  let current = url;
  for (let hops = 0; ; hops++) {
    const answer = await get(current);
    const location = answer.headers["location"];
    if (![301, 302, 303, 307, 308].includes(answer.status) || location === undefined) return answer;
    await answer.discard();
    if (hops >= redirectCountMax)
      throw refused("FETCH_REDIRECT_LIMIT", url, `more than ${redirectCountMax} redirects`);
    current = nextAddress(current, location);
  }
}

function nextAddress(from: URL, location: string): URL {
  if (!URL.canParse(location, from.href))
    throw refused("FETCH_REDIRECT_REFUSED", from, "the redirect has no valid address");
  const to = new URL(location, from);
  if (to.protocol !== "http:" && to.protocol !== "https:") {
    throw refused("FETCH_REDIRECT_REFUSED", from, `redirect to scheme "${to.protocol}"`);
  }
  if (from.protocol === "https:" && to.protocol === "http:") {
    throw refused("FETCH_REDIRECT_REFUSED", from, "redirect from https to http");
  }
  to.username = to.origin === from.origin ? from.username : "";
  to.password = to.origin === from.origin ? from.password : "";
  return to;
}

function refused(code: string, url: URL, why: string): AshlarError {
  return new AshlarError(code, `Cannot fetch "${showAddress(url)}": ${why}, want a direct answer`);
}
