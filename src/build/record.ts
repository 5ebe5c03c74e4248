// SPDX-License-Identifier: Apache-2.0
import { isDeepStrictEqual } from "node:util";

import type { InstallationSecret } from "../assemble/index.ts";
import type { Digest, Json } from "../base/index.ts";
import { digestRef, nameRef, type NamedRecord, readKind, recordKind } from "../image/index.ts";
import { lacksBlob, type LayerForm, type LayerPlan, planReaches } from "../layer/index.ts";
import { readForeignRecord } from "../pull/index.ts";
import type { Reaches, Store } from "../store/index.ts";
import { type KeptRoot, rootReaches } from "./stage.ts";

export { digestRef, nameRef, type NamedRecord, readNamedRecord } from "../image/index.ts";

/** One image for one platform as the store remembers it; kind of record "image/v1". */
export interface ImageRecord {
  readonly kind: "image/v1";
  readonly name: string;
  readonly platform: string;
  /** Content: the canonical document of this image. */
  readonly document: Digest;
  /** Content: JSON array of the `LockedPackage`s in the image, its parents' included. */
  readonly packages: Digest;
  /** Records of what its packages unpack to; with them a later build finds everything remembered. */
  readonly unpacked: readonly Digest[];
  /** Record of the foreign image that it, or the image below it, stands on; see `ForeignRecord`. */
  readonly base?: Digest;
  /** Bottom first. */
  readonly layers: readonly LayerPlan[];
  /** Tree: the flat root file system. */
  readonly flat: Digest;
  /** Content: who put its entries there. */
  readonly owners: Digest;
  /** Trees: the outputs of its steps, so that a later build finds them remembered; absent: it has none. */
  readonly outputs?: readonly Digest[];
  /** Roots that scripts made on the way. */
  readonly installed?: readonly KeptRoot[];
  /** Keys and passwords that scripts of this image made, left out or kept. */
  readonly secrets?: readonly InstallationSecret[];
  readonly createdSeconds: number;
  /** The form the image was built in, and its manifest and config in that form (contents). */
  readonly form: LayerForm;
  readonly manifest: Digest;
  readonly config: Digest;
}

export function putImageRecord(store: Store, record: ImageRecord): Digest {
  const { trees, contents } = planReaches(record.layers);
  const { document, packages, owners, manifest, config } = record;
  const roots = rootReaches(record.installed);
  const reaches = {
    trees: [...trees, record.flat, ...(record.outputs ?? []), ...roots.trees],
    contents: [...contents, document, packages, owners, manifest, config, ...roots.contents],
    records: record.base === undefined ? record.unpacked : [...record.unpacked, record.base],
  };
  return store.putRecord(record as unknown as Json, reaches);
}

export function putNamedRecord(store: Store, record: NamedRecord): Digest {
  const reaches: Reaches = { records: record.images.map((image) => image.record), contents: [record.digest] };
  return store.putRecord(record as unknown as Json, reaches);
}

export interface Naming {
  readonly target: Digest;
  /** See `Ref.origin`. */
  readonly origin: readonly string[] | undefined;
  /** The name stays where it points to, unless it is this image: then it goes with it. */
  readonly keepsName: boolean;
}

/** Names an image, by its name with the digest and by the name alone; durable when it returns. */
export function nameImage(store: Store, { name, digest }: NamedRecord, { target, origin, keepsName }: Naming): void {
  const [own, current] = [digestRef(name, digest), nameRef(name)];
  const [before, now] = [store.getRef(own), store.getRef(current)];
  if (now === target && before === target && isDeepStrictEqual(store.getRefOrigin(current), origin)) return;
  store.setRef(own, target, origin);
  if (!keepsName) store.setRef(current, target, origin);
  else if (now !== undefined && now === before) {
    store.moveRef({ name: current, target, ...(origin && { origin }) }, now);
  }
}

export function readImageRecord(store: Store, digest: Digest): ImageRecord {
  return readKind(store, digest, "image/v1") as ImageRecord;
}

/** What images of both kinds have: those that were built, and those that were brought from elsewhere. */
export interface StoredImage {
  readonly layers: readonly LayerPlan[];
  readonly flat: Digest;
  readonly manifest: Digest;
  readonly config: Digest;
  /** Of the layers that are composed. */
  readonly form: LayerForm;
  /** Absent where it was brought from elsewhere. */
  readonly built?: ImageRecord;
  /** Where blobs that are not here can be had. */
  readonly origin?: string;
}

/** Reads the record of an image of either kind. Throws `BUILD_RECORD_INVALID`. */
export function readStoredImage(store: Store, digest: Digest): StoredImage {
  if (recordKind(store, digest) === "foreign/v1") return { form: "zstd:chunked", ...readForeignRecord(store, digest) };
  const built = readImageRecord(store, digest);
  const { layers, flat, manifest, config, form, base } = built;
  const origin = base === undefined ? undefined : readForeignRecord(store, base).origin;
  return { layers, flat, manifest, config, form, built, ...(origin === undefined ? {} : { origin }) };
}

/** Where an image was pulled from; undefined where all of it is here. */
export function originOf(store: Store, { images }: NamedRecord): string | undefined {
  return images.map((image) => readStoredImage(store, image.record).origin).find((origin) => origin !== undefined);
}

/** Tells whether layers of an image are kept by file alone, so that their blobs cannot be had from the store. */
export function lacksBlobs(store: Store, { images }: NamedRecord): boolean {
  const plans = images.flatMap((image) => readStoredImage(store, image.record).layers);
  return plans.some(lacksBlob);
}
