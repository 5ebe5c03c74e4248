// SPDX-License-Identifier: Apache-2.0
import { AshlarError, type Digest, type Progress } from "../base/index.ts";
import {
  type Descriptor,
  formatPlatform,
  type ImageSource,
  isConfigType,
  isIndexType,
  mediaTypes,
  type OpenImage,
  parseIndex,
  parsePlatform,
  selectPlatform,
  verifyBytes,
} from "../oci/index.ts";
import type { PlatformChoice } from "../image/index.ts";
import { bringImage, type LayerReport } from "../pull/index.ts";
import { readImage } from "../registry/index.ts";
import type { Store } from "../store/index.ts";
import { partsHere } from "./parts-here.ts";
import { nameImage, type NamedRecord, putNamedRecord } from "./record.ts";

export interface PullRequest {
  readonly store: Store;
  readonly source: ImageSource;
  /** The source's tag; absent: its only image. */
  readonly tag?: string | undefined;
  /** What the image is called in the store. */
  readonly name: string;
  /** See `Naming`. */
  readonly keepsName?: boolean | undefined;
  /** Of an index all images, or one; of a single image, the asked platform must be its own. */
  readonly platforms: "all" | PlatformChoice;
  readonly keepBlobs: boolean;
  /** See `BringRequest.origin`. */
  readonly origin?: string | undefined;
  /** What brings the image of this digest again, for one platform or all; see `Ref.origin`. */
  readonly again?: ((digest: Digest, platform: string) => readonly string[]) | undefined;
  readonly progress: Progress;
  readonly signal?: AbortSignal | undefined;
}

export interface PulledImage {
  readonly name: string;
  /** Of the index where all of it was brought, else of the platform's manifest. */
  readonly digest: Digest;
  readonly record: NamedRecord;
  readonly platforms: readonly { readonly platform: string; readonly layers: readonly LayerReport[] }[];
}

/**
 * Brings an image from elsewhere into the store under a name, durable when this returns. Throws what `bringImage`
 * throws, `OCI_PLATFORM_MISSING`, and `PULL_KIND` for what is no image.
 */
export async function pullImage(request: PullRequest): Promise<PulledImage> {
  // What was brought for one platform is kept by nothing else until the name stands.
  const lease = request.store.lease();
  try {
    return await pullNamed(request);
  } finally {
    lease.release();
  }
}

async function pullNamed(request: PullRequest): Promise<PulledImage> {
  const { store, source, name } = request;
  const root = await source.resolve(request.tag);
  const bytes = verifyBytes(root, await source.manifest(root));
  const chosen = await chooseImages(request, root, bytes);
  const images: { platform: string; record: Digest }[] = [];
  const platforms: { platform: string; layers: readonly LayerReport[] }[] = [];
  for (const image of chosen) {
    const platform = formatPlatform(image.platform);
    const { record, layers } = await bringImage({
      ...request,
      root: bytes,
      image,
      partsHere: () => partsHere(store),
    });
    images.push({ platform, record });
    platforms.push({ platform, layers });
  }
  const isWhole = !isIndexType(root.mediaType) || request.platforms === "all";
  const digest = isWhole ? root.digest : (chosen[0] as OpenImage).manifestDescriptor.digest;
  const record: NamedRecord = { kind: "named/v1", name, digest, images };
  const kept = putNamedRecord(store, record);
  const platform = request.platforms === "all" ? "all" : (images[0]?.platform as string);
  const origin = request.again?.(root.digest, platform);
  nameImage(store, record, { target: kept, origin, keepsName: request.keepsName === true });
  return { name, digest, record, platforms };
}

async function chooseImages(
  request: PullRequest,
  root: Descriptor,
  bytes: Uint8Array,
): Promise<readonly OpenImage[]> {
  if (!isIndexType(root.mediaType)) return [verifyPlatform(await openOne(request, root), request)];
  const { manifests } = parseIndex(bytes, root.mediaType);
  if (request.platforms !== "all") return [await chooseOne(request.source, root, request.platforms)];
  // Attestations stand in an index as images for "unknown".
  const real = manifests.filter(({ platform }) => platform !== undefined && platform.os !== "unknown");
  const images: OpenImage[] = [];
  for (const descriptor of real) images.push(await openOne(request, descriptor));
  if (images.length > 0) return images;
  const message = `Cannot pull "${root.digest}": its index names no image for any platform`;
  throw new AshlarError("OCI_PLATFORM_MISSING", message, {
    hint: "artifacts are not images; `ashlar copy` passes them on",
  });
}

async function chooseOne(source: ImageSource, root: Descriptor, { asked, host }: PlatformChoice): Promise<OpenImage> {
  return verifyKind(await readImage(pinned(source, root), { platform: parsePlatform(asked ?? host) }));
}

/** What the host would take counts for nothing here: there is no choice. */
function verifyPlatform(image: OpenImage, { platforms }: PullRequest): OpenImage {
  if (platforms === "all" || platforms.asked === undefined) return image;
  const { manifestDescriptor, platform } = image;
  const index = { mediaType: mediaTypes.index, manifests: [{ ...manifestDescriptor, platform }] };
  selectPlatform(index, parsePlatform(platforms.asked));
  return image;
}

async function openOne({ source }: PullRequest, descriptor: Descriptor): Promise<OpenImage> {
  return verifyKind(await readImage(pinned(source, descriptor)));
}

function pinned(source: ImageSource, root: Descriptor): ImageSource {
  return { ...source, resolve: async () => root };
}

function verifyKind(image: OpenImage): OpenImage {
  const { mediaType } = image.parsedManifest.config;
  if (isConfigType(mediaType)) return image;
  const { digest } = image.manifestDescriptor;
  const message = `Cannot pull "${digest}": its config is "${mediaType}", want a container image`;
  throw new AshlarError("PULL_KIND", message, { hint: "artifacts are not images; `ashlar copy` passes them on" });
}
