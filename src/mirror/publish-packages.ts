// SPDX-License-Identifier: Apache-2.0
import { isAshlarError, type Progress } from "../base/index.ts";
import { makeLimiter } from "../fetch/index.ts";
import type { Descriptor, ImageSource, ImageTarget } from "../oci/index.ts";
import { copyImage } from "../registry/index.ts";
import type { Store } from "../store/index.ts";
import { describePackage, type PackageArtifact, type PackageHere } from "./package-artifact.ts";

export interface PublishOptions {
  readonly store: Store;
  readonly place: ImageSource & ImageTarget;
  /** Packages at a time. */
  readonly parallel: number;
  readonly progress: Progress;
}

/** What publishing came to. */
export interface PublishReport {
  readonly pushed: number;
  /** Packages that were there already. */
  readonly present: number;
  readonly sentBytes: number;
}

/**
 * Publishes packages that were unpacked here, each under the tag of its record; what the place has is not sent again.
 * Throws what the place throws; packages that are there whole stay.
 */
export async function publishPackages(
  packages: readonly PackageHere[],
  { store, place, parallel, progress }: PublishOptions,
): Promise<PublishReport> {
  const distinct = [...new Map(packages.map((item) => [item.record, item])).values()];
  const shown = progress.start("publish packages", distinct.length, "items");
  const counts = { pushed: 0, present: 0, sentBytes: 0 };
  const limiter = makeLimiter(parallel);
  let isGivenUp = false;
  const publish = async (item: PackageHere): Promise<void> => {
    if (isGivenUp) return;
    const artifact = await describePackage(store, item);
    const isPresent = await hasArtifact(place, artifact);
    // Others count meanwhile: the sum is taken after the wait.
    const sentBytes = isPresent ? 0 : await send(place, artifact);
    counts.sentBytes += sentBytes;
    counts[isPresent ? "present" : "pushed"]++;
    shown.advance(1);
  };
  const giveUp = (error: unknown): never => {
    isGivenUp = true;
    throw error;
  };
  const ended = await Promise.allSettled(distinct.map((item) => limiter(() => publish(item).catch(giveUp))));
  const failed = ended.find((result) => result.status === "rejected");
  if (failed !== undefined) throw failed.reason;
  await place.finish();
  shown.done(`${counts.pushed} sent, ${counts.present} were there`);
  return counts;
}

/** The tag leads to exactly this artifact: then its blobs are there too, as no place takes a manifest without them. */
async function hasArtifact(place: ImageSource, { tag, descriptor }: PackageArtifact): Promise<boolean> {
  try {
    return (await place.resolve(tag)).digest === descriptor.digest;
  } catch (error) {
    if (isAshlarError(error, "OCI_IMAGE_MISSING")) return false;
    throw error;
  }
}

/** The bytes of blobs that were not there. */
async function send(place: ImageTarget, { source, tag }: PackageArtifact): Promise<number> {
  let sentBytes = 0;
  const onBlob = ({ sizeBytes }: Descriptor, state: "copied" | "present"): void => {
    if (state === "copied") sentBytes += sizeBytes;
  };
  await copyImage(source, place, { tag, onBlob });
  return sentBytes;
}
