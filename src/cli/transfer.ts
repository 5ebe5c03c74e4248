// SPDX-License-Identifier: Apache-2.0
import { AshlarError, type Digest, type Json, type Progress } from "../base/index.ts";
import { type Descriptor, type ImageTarget, parsePlatform } from "../oci/index.ts";
import { chooseRoot, copyImage, listBlobs, pinnedSource } from "../registry/index.ts";
import type { OpenedImage } from "./open-image.ts";
import { showBytes } from "./show.ts";

export interface Transfer {
  /** For people: what is done. */
  readonly name: string;
  readonly tag: string | undefined;
  /** What the image must be, where the target was named with a digest. */
  readonly digest?: Digest | undefined;
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

/**
 * Copies an image into a place, with a bar that counts bytes, and finishes the place; gives it up after an error.
 * Throws `USAGE_REFERENCE` where the image is not the one that must be, before anything is sent.
 */
export async function transferImage(image: OpenedImage, target: ImageTarget, transfer: Transfer): Promise<Transferred> {
  const { name, tag, referrers, parallel, progress } = transfer;
  const platform = transfer.platform === undefined ? undefined : parsePlatform(transfer.platform);
  const root = await chooseRoot(image.source, { from: image.from, platform });
  verifyDigest(root.digest, transfer);
  const source = pinnedSource(image.source, root);
  const blobs = await listBlobs(source, root);
  const step = progress.start(name, blobs.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0), "bytes");
  const counts = { copied: 0, present: 0, sentBytes: 0 };
  try {
    await copyImage(source, target, {
      tag,
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

function verifyDigest(actual: Digest, { name, digest, tag }: Transfer): void {
  if (digest === undefined || digest === actual) return;
  const message = `Cannot ${name}: the image has digest ${actual}, want ${digest} as the destination is named`;
  const hint = tag === undefined ? "name the destination by a tag" : "leave out the digest of the destination";
  throw new AshlarError("USAGE_REFERENCE", message, { hint, details: { actual, expected: digest } });
}
