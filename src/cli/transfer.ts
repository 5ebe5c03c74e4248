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
  /** Blobs and manifests, and bytes of blobs that went on their way; for `--json`. */
  readonly counts: Json;
  /** Configs and layers, which are in the target now. */
  readonly blobs: readonly Descriptor[];
}

/** Copies an image into a place, with a bar that counts bytes, and finishes the place; gives it up after an error. */
export async function transferImage(image: OpenedImage, target: ImageTarget, transfer: Transfer): Promise<Transferred> {
  const { name, tag, referrers, parallel, progress } = transfer;
  const platform = transfer.platform === undefined ? undefined : parsePlatform(transfer.platform);
  const { source, from } = image;
  const blobs = await listBlobs(source, { from, platform });
  const step = progress.start(name, blobs.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0), "bytes");
  const counts = { copied: 0, present: 0, sentBytes: 0 };
  try {
    const root = await copyImage(source, target, {
      from,
      tag,
      platform,
      referrers,
      parallel,
      onBytes(bytes) {
        counts.sentBytes += bytes;
        step.advance(bytes);
      },
      onBlob({ sizeBytes }, state) {
        counts[state]++;
        if (state === "present") step.advance(sizeBytes);
      },
    });
    await target.finish();
    const all = counts.present + counts.copied;
    step.done(`${showBytes(counts.sentBytes)} sent, ${counts.present} of ${all} parts were there`);
    return { root, counts, blobs };
  } catch (error) {
    await target.abort();
    throw error;
  }
}
