// SPDX-License-Identifier: Apache-2.0
import { canonicalJson, type Digest, type Json } from "../base/index.ts";
import { loadCompressor } from "../formats/index.ts";
import {
  type ComposedPlan,
  describeLayer,
  firstByte,
  firstDifference,
  type LayerMaker,
  type LayerPlan,
  openLayer,
  readParts,
} from "../layer/index.ts";
import type { Store } from "../store/index.ts";
import { type ImageRecord, type NamedRecord, readImageRecord } from "./record.ts";

/** One build of an image in the store that it was made in. */
export interface BuildSide {
  readonly store: Store;
  readonly record: NamedRecord;
}

/** Where two builds of one image part. */
export interface BuildDifference {
  /** Full name of the image. */
  readonly image: string;
  /** Absent where the index itself differs. */
  readonly platform?: string;
  readonly part: "layer" | "config" | "manifest" | "index";
  /** Name of the layer, e.g. "app". */
  readonly layer?: string;
  /** Path in the layer; absent where the bytes belong to no entry. */
  readonly path?: string;
  /** The first byte that differs; absent where one side has no such part. */
  readonly offset?: number;
  /** What `offset` counts in. */
  readonly within: "content" | "tar" | "blob" | "document";
  readonly what: string;
}

/**
 * Compares two builds of one image byte for byte: layers of each platform from the bottom, then config,
 * manifest and index. Returns the first difference of each platform, none where the builds are equal.
 */
export async function compareBuilds(a: BuildSide, b: BuildSide): Promise<readonly BuildDifference[]> {
  if (a.record.digest === b.record.digest) return [];
  const image = a.record.name;
  const found: BuildDifference[] = [];
  for (const { platform, record } of a.record.images) {
    const other = b.record.images.find((one) => one.platform === platform);
    if (other === undefined) {
      const what = "the second build has no such platform";
      found.push({ image, platform, part: "index", within: "document", what });
      continue;
    }
    const difference = await comparePlatform(
      { store: a.store, image: readImageRecord(a.store, record) },
      { store: b.store, image: readImageRecord(b.store, other.record) },
    );
    if (difference !== undefined) found.push({ image, platform, ...difference });
  }
  if (found.length > 0) return found;
  return [{ image, ...compareDocuments("index", [a.store, a.record.digest], [b.store, b.record.digest]) }];
}

interface PlatformSide {
  readonly store: Store;
  readonly image: ImageRecord;
}

type Found = Omit<BuildDifference, "image" | "platform">;

async function comparePlatform(a: PlatformSide, b: PlatformSide): Promise<Found | undefined> {
  const layers = await compareLayers(a, b);
  if (layers !== undefined) return layers;
  for (const part of ["config", "manifest"] as const) {
    if (a.image[part] === b.image[part]) continue;
    return compareDocuments(part, [a.store, a.image[part]], [b.store, b.image[part]]);
  }
  return undefined;
}

async function compareLayers(a: PlatformSide, b: PlatformSide): Promise<Found | undefined> {
  const count = Math.max(a.image.layers.length, b.image.layers.length);
  for (let i = 0; i < count; i++) {
    const [left, right] = [a.image.layers[i], b.image.layers[i]];
    if (left === undefined || right === undefined) {
      const layer = (left ?? right)?.name ?? "";
      const what = `only the ${left ? "first" : "second"} build has this layer`;
      return { part: "layer", layer, within: "blob", what };
    }
    const difference = await compareLayer({ ...a, plan: left }, { ...b, plan: right });
    if (difference !== undefined) return { ...difference, layer: left.name };
  }
  return undefined;
}

interface LayerBuild extends PlatformSide {
  readonly plan: LayerPlan;
}

async function compareLayer(a: LayerBuild, b: LayerBuild): Promise<Found | undefined> {
  if (a.plan.kind !== undefined || b.plan.kind !== undefined) return compareBlobs(a, b);
  // Blocks may be cut in another way and still make the same tar, so trees are compared only as a tar.
  if (canonicalJson(a.plan as unknown as Json) !== canonicalJson(b.plan as unknown as Json)) {
    const tar = firstDifference(sideOf(a.store, a.plan), sideOf(b.store, b.plan));
    if (tar !== undefined) {
      const { path, offset, inContent, what } = tar;
      const within = inContent ? "content" : "tar";
      return { part: "layer", ...(path !== undefined && { path }), offset, within, what };
    }
  }
  return compareBlobs(a, b);
}

function sideOf(store: Store, plan: ComposedPlan): Parameters<typeof firstDifference>[0] {
  return { parts: readParts(store, plan), read: (digest) => store.read(digest) };
}

/** Where the blobs part: of equal tars, or where one is of somebody else. */
async function compareBlobs(a: LayerBuild, b: LayerBuild): Promise<Found | undefined> {
  const [x, y] = [await blobOf(a), await blobOf(b)];
  if (x.blob.digest === y.blob.digest) return undefined;
  const offset = await firstByteOfStreams(x.open(), y.open());
  const same = x.blob.diffId === y.blob.diffId ? "the tar is the same, compressed it" : "the blob";
  const what = `${same} is ${x.blob.digest} and ${y.blob.digest}`;
  return { part: "layer", ...(offset !== undefined && { offset }), within: "blob", what };
}

async function blobOf({ store, image, plan }: LayerBuild): Promise<{
  readonly blob: Awaited<ReturnType<typeof describeLayer>>;
  readonly open: () => AsyncIterable<Uint8Array>;
}> {
  const maker: LayerMaker = { store, compressor: loadCompressor };
  const blob = await describeLayer(plan, image.form, maker);
  return { blob, open: () => openLayer(plan, blob, maker) };
}

/** The index of the first byte that differs of two streams cut anywhere; undefined where they are equal. */
async function firstByteOfStreams(
  a: AsyncIterable<Uint8Array>,
  b: AsyncIterable<Uint8Array>,
): Promise<number | undefined> {
  const [left, right] = [a[Symbol.asyncIterator](), b[Symbol.asyncIterator]()];
  let [x, y]: [Uint8Array, Uint8Array] = [new Uint8Array(), new Uint8Array()];
  for (let offset = 0; ; ) {
    if (x.length === 0) x = (await nextPiece(left)) ?? x;
    if (y.length === 0) y = (await nextPiece(right)) ?? y;
    if (x.length === 0 || y.length === 0) return x.length === y.length ? undefined : offset;
    const length = Math.min(x.length, y.length);
    const at = firstByte(x.subarray(0, length), y.subarray(0, length));
    if (at !== undefined) return offset + at;
    offset += length;
    [x, y] = [x.subarray(length), y.subarray(length)];
  }
}

async function nextPiece(pieces: AsyncIterator<Uint8Array>): Promise<Uint8Array | undefined> {
  for (;;) {
    const next = await pieces.next();
    if (next.done === true) return undefined;
    if (next.value.length > 0) return next.value;
  }
}

function compareDocuments(
  part: "config" | "manifest" | "index",
  [storeA, a]: readonly [Store, Digest],
  [storeB, b]: readonly [Store, Digest],
): Found {
  const [left, right] = [storeA.read(a), storeB.read(b)];
  const offset = firstByte(left, right) ?? 0;
  const around = (bytes: Uint8Array): string =>
    JSON.stringify(Buffer.from(bytes.subarray(Math.max(0, offset - 40), offset + 40)).toString("utf8"));
  return { part, offset, within: "document", what: `there it is ${around(left)} and ${around(right)}` };
}
