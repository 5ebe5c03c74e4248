// SPDX-License-Identifier: Apache-2.0
import type { Digest } from "../base/index.ts";
import type { ContentInfo } from "../store/index.ts";

/** What making a layer needs of the store. */
export interface ContentSource {
  infos(digests: Iterable<Digest>): Map<Digest, ContentInfo>;
  /** The frames of a content as stored, one after the other. */
  streamFrames(digest: Digest): Iterable<Uint8Array>;
  /** The content itself, piece by piece. */
  stream(digest: Digest): Iterable<Uint8Array>;
}
