// SPDX-License-Identifier: Apache-2.0
import { AshlarError, type Digest, digestOf, isAshlarError, type Progress } from "../base/index.ts";
import {
  type Descriptor,
  describeBytes,
  formatPlatform,
  type ImageSource,
  isConfigType,
  JsonObject,
  layerCompression,
  mediaTypes,
  type OpenImage,
  parseIndex,
  parsePlatform,
  parseStrictJson,
  type Platform,
  selectPlatform,
} from "../oci/index.ts";
import { readImage } from "../registry/index.ts";
import type { Action, Store } from "../store/index.ts";
import { type BaseName, type BasePlace, contentOf, placeInStore, placeOf, readRoot } from "./base-place.ts";
import { lacksBlob } from "../layer/index.ts";
import { bringImage, readForeignRecord } from "../pull/index.ts";

export interface BaseRequest {
  readonly store: Store;
  /** The directory that `at` counts from. */
  readonly projectDir: string;
  readonly from: BaseName;
  readonly platform: string;
  readonly progress: Progress;
  /** Where to take it from, whatever the spec says. */
  readonly place?: BasePlace | undefined;
}

/**
 * Brings the foreign image that an image stands on into the store, for one platform; the digest of its
 * `ForeignRecord`. What was brought before needs no place to come from. Throws `BUILD_BASE_MISSING`,
 * `BUILD_BASE_PLATFORM` naming the platforms there are, `BUILD_BASE_KIND`, `BUILD_BASE_PLACE`, and with the
 * place in `because` what reading foreign images throws (`OCI_*`, `QUERY_LAYER_*`, `FORMATS_*`, `REGISTRY_*`).
 */
export async function openBase(request: BaseRequest): Promise<Digest> {
  const { store } = request;
  const action = baseAction(request);
  const known = store.getAction(action)?.value as Digest | undefined;
  if (known !== undefined && !isPoorer(request, known)) return known;
  const place = findPlace(request);
  const record = await explained(request, place, () => bring(request, place));
  store.putAction(action, { value: record, reaches: { records: [record] } });
  return record;
}

function baseAction({ from, platform }: BaseRequest): Action {
  return { operation: "oci.base", version: 3, inputs: [from.digest], parameters: { platform } };
}

/** Tells whether the store has blobs by now that a base lacks: it was pulled again, with them. */
function isPoorer({ store, from }: BaseRequest, known: Digest): boolean {
  if (!readForeignRecord(store, known).layers.some(lacksBlob)) return false;
  return placeInStore(store, from.digest)?.isFileOnly === false;
}

function findPlace({ store, projectDir, from, place: given }: BaseRequest): BasePlace {
  if (given !== undefined) return given;
  if (from.at !== undefined) return placeOf(from.at, projectDir);
  const place = placeInStore(store, from.digest);
  if (place !== undefined) return place;
  throw missing(from, "the store has no such image", "build it, or say where it is with `at: oci:DIR`");
}

async function bring(request: BaseRequest, place: BasePlace): Promise<Digest> {
  const { store, from, progress } = request;
  const root = await readVerified(place, from);
  const descriptor = describeRoot(root);
  const image = await openImage(pinned(place.source, descriptor), parsePlatform(request.platform), root);
  verifyImage(image, request);
  const { source, isFileOnly = false, origin } = place;
  const kept = { keepBlobs: !isFileOnly, origin: isFileOnly ? origin : undefined };
  const brought = await bringImage({ store, source, root, image, name: from.name, progress, ...kept });
  return brought.record;
}

async function readVerified(place: BasePlace, from: BaseName): Promise<Uint8Array> {
  const bytes = await readRoot(place, from.digest);
  if (bytes === undefined) {
    const hint = "name the digest of its manifest or index, as `skopeo inspect` and `ashlar inspect` show it";
    throw missing(from, `${place.what} has no such manifest; ${await contentOf(place)}`, hint);
  }
  const actual = digestOf(bytes);
  if (actual === from.digest) return bytes;
  const message = `Cannot use blob "${from.digest}": its bytes have digest ${actual}, want ${from.digest}`;
  throw new AshlarError("OCI_BLOB_DIGEST", message, { details: { expected: from.digest, actual } });
}

/** What a document is by its own words: `parseManifest` and `parseIndex` refuse one that could be read as both. */
function describeRoot(bytes: Uint8Array): Descriptor {
  const document = new JsonObject(parseStrictJson(bytes, "manifest"), "manifest", "", [
    "mediaType",
    "manifests",
  ]);
  const own = document.maybeText("mediaType");
  return describeBytes(own ?? (document.has("manifests") ? mediaTypes.index : mediaTypes.manifest), bytes);
}

function pinned(source: ImageSource, root: Descriptor): ImageSource {
  return {
    resolve: async () => root,
    manifest: (descriptor) => source.manifest(descriptor),
    blob: (descriptor) => source.blob(descriptor),
  };
}

async function openImage(source: ImageSource, platform: Platform, root: Uint8Array): Promise<OpenImage> {
  try {
    return await readImage(source, { platform });
  } catch (cause) {
    if (!isAshlarError(cause, "OCI_PLATFORM_MISSING")) throw cause;
    const { manifests } = parseIndex(root);
    const present = manifests.flatMap((item) =>
      item.platform === undefined ? [] : [formatPlatform(item.platform)],
    );
    throw noPlatform(platform, present, cause);
  }
}

/** An index may say one thing and the image's config another: the config is what runs. */
function verifyImage(image: OpenImage, request: BaseRequest): void {
  const { parsedManifest, manifestDescriptor, layers } = image;
  const { mediaType } = parsedManifest.config;
  if (!isConfigType(mediaType)) {
    const message = `Cannot stand on "${request.from.name}": its config is "${mediaType}", want a container image`;
    throw new AshlarError("BUILD_BASE_KIND", message);
  }
  for (const { descriptor } of layers) layerCompression(descriptor.mediaType);
  const wanted = parsePlatform(request.platform);
  const { platform } = image.parsedConfig;
  try {
    selectPlatform({ mediaType: mediaTypes.index, manifests: [{ ...manifestDescriptor, platform }] }, wanted);
  } catch (cause) {
    throw noPlatform(wanted, [formatPlatform(platform)], cause);
  }
}

function noPlatform(wanted: Platform, present: readonly string[], cause: unknown): AshlarError {
  const has = present.length === 0 ? "none" : present.join(", ");
  const message = `Cannot stand on the base for ${formatPlatform(wanted)}: it has ${has}`;
  const hint = "change `platforms`, or take a base that is for all of them";
  return new AshlarError("BUILD_BASE_PLATFORM", message, { hint, cause, details: { present } });
}

function missing({ name, digest }: BaseName, state: string, hint: string): AshlarError {
  return new AshlarError("BUILD_BASE_MISSING", `Cannot find base "${name}@${digest}": ${state}`, { hint });
}

/** Says with every error which image it was and where. */
async function explained<T>({ from }: BaseRequest, place: BasePlace, step: () => Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (error) {
    if (!isAshlarError(error)) throw error;
    const { code, message, hint, where, details, cause, because } = error;
    const image = `base "${from.name}@${from.digest}" at ${place.what}`;
    throw new AshlarError(code, message, { hint, where, details, cause, because: [...because, image] });
  }
}
