// SPDX-License-Identifier: Apache-2.0
import type { Json, Progress } from "../base/index.ts";
import { type Descriptor, type ImageTarget, parsePlatform } from "../oci/index.ts";
import { copyImage, listBlobs } from "../registry/index.ts";
import type { OpenedImage } from "./open-image.ts";
import { showBytes } from "./show.ts";

export interface Transfer {
  /** For people: what is done. */
  readonly name: string;
  readonly tag: string | undefined;
  readonly platform?: string | undefined;
  readonly referrers?: boolean | undefined;
  readonly parallel?: number | undefined;
  readonly progress: Progress;
}

export interface Transferred {
  readonly root: Descriptor;
  /** For `--json`. */
  readonly counts: Json;
}

/** Copies an image into a place, with a bar that counts bytes, and finishes the place; gives it up after an error. */
export async function transferImage(image: OpenedImage, target: ImageTarget, transfer: Transfer): Promise<Transferred> {
  const { name, tag, referrers, parallel, progress } = transfer;
  const platform = transfer.platform === undefined ? undefined : parsePlatform(transfer.platform);
  const { source, from } = image;
  const blobs = await listBlobs(source, { from, platform });
  const step = progress.start(name, blobs.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0), "bytes");
  const counts = { sent: 0, sentBytes: 0, present: 0, presentBytes: 0 };
  try {
    const root = await copyImage(source, target, {
      from,
      tag,
      platform,
      referrers,
      parallel,
      onBytes: (bytes) => step.advance(bytes),
      onBlob({ sizeBytes }, state) {
        const key = state === "copied" ? "sent" : "present";
        counts[key]++;
        counts[`${key}Bytes`] += sizeBytes;
        if (state === "present") step.advance(sizeBytes);
      },
    });
    await target.finish();
    step.done(`${showBytes(counts.sentBytes)} sent, ${showBytes(counts.presentBytes)} there already`);
    return { root, counts };
  } catch (error) {
    await target.abort();
    throw error;
  }
}
