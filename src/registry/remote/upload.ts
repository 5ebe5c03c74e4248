// SPDX-License-Identifier: Apache-2.0
import { type Digest, isAshlarError } from "../../base/index.ts";
import { nextAddress } from "./following-http.ts";
import type { HttpAnswer } from "./registry-http.ts";
import { type Repository, send } from "./repository.ts";

/** An upload that was begun. */
export interface Upload {
  /** Where it goes on; opaque, and another after each request. */
  readonly url: URL;
  /** The registry wants no smaller chunks, but for the last. */
  readonly chunkBytesMin: number;
}

/** Where an upload goes on, as its last answer says; undefined where it says nothing. Throws `REGISTRY_REDIRECT`. */
export function locationOf({ headers, url }: HttpAnswer): URL | undefined {
  const location = headers["location"];
  return location === undefined ? undefined : nextAddress(url, location);
}

/** The address that ends an upload. What the registry wrote into its query stays as it is, byte for byte. */
export function finishAddress(upload: URL, digest: Digest): URL {
  const url = new URL(upload);
  url.search = `${url.search === "" ? "" : `${url.search}&`}digest=${encodeURIComponent(digest)}`;
  return url;
}

/** Tells the registry that an upload is given up. It would find out by itself, so nothing that fails here counts. */
export async function cancelUpload(repository: Repository, { url }: Upload): Promise<void> {
  try {
    await (await send(repository, { method: "DELETE", url, once: true })).discard();
  } catch (error) {
    if (!isAshlarError(error)) throw error;
  }
}
