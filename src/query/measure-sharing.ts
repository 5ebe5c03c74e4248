// SPDX-License-Identifier: Apache-2.0
import type { Digest } from "../base/index.ts";
import type { Tree } from "../formats/index.ts";
import { ShareGroups } from "./share-groups.ts";

/** An image whose files are compared with those of others. */
export interface SharingImage {
  readonly name: string;
  /** Its flat root file system. */
  readonly tree: Tree;
  /** The blobs that carry it where files are not shared. */
  readonly layers: readonly { readonly digest: Digest; readonly sizeBytes: number }[];
}

/** What a content takes: bytes of the file, and bytes as it is kept, compressed. */
export interface ContentBytes {
  readonly rawBytes: number;
  readonly storedBytes: number;
}

/** What an image is made of; an empty file counts as a file only. */
export interface ImageShare extends ContentBytes {
  readonly name: string;
  /** Regular files, further names of one not counted. */
  readonly files: number;
  /** Distinct contents. */
  readonly contents: number;
  /** Parts of `storedBytes`: in every image, in some others, and in no other. */
  readonly withAllBytes: number;
  readonly withSomeBytes: number;
  readonly ownBytes: number;
  /** Its blobs together. */
  readonly layerBytes: number;
}

/** Contents that the same images have; `images` counts in the order they were given in. */
export interface ShareGroup extends ContentBytes {
  readonly images: readonly number[];
  readonly contents: number;
}

export interface Sharing {
  readonly images: readonly ImageShare[];
  /** Each content is in exactly one of them. */
  readonly groups: readonly ShareGroup[];
  readonly total: ContentBytes & {
    readonly contents: number;
    /** The blobs of all images, one that several have counted once: what a registry keeps. */
    readonly layerBytes: number;
    /** The same, nothing shared. */
    readonly wholeBytes: number;
  };
}

/**
 * Finds out who shares what. Each image is looked at once and its tree may go afterwards; the work is two look-ups an
 * entry. `sizeOf` is asked of a content when it is new, and again when its image set is divided.
 */
export function measureSharing(images: Iterable<SharingImage>, sizeOf: (digest: Digest) => ContentBytes): Sharing {
  const groups = new ShareGroups();
  const seen: { name: string; files: number; layerBytes: number }[] = [];
  const blobs = new Map<Digest, number>();
  for (const { name, tree, layers } of images) {
    let files = 0;
    const contents = new Set<Digest>();
    for (const entry of tree) {
      if (entry.type !== "file") continue;
      files++;
      if (entry.sizeBytes > 0) contents.add(entry.content);
    }
    groups.add(contents, sizeOf);
    for (const { digest, sizeBytes } of layers) blobs.set(digest, sizeBytes);
    seen.push({ name, files, layerBytes: layers.reduce((sum, layer) => sum + layer.sizeBytes, 0) });
  }
  const filled = groups.filled();
  return {
    images: shares(seen, filled),
    groups: filled,
    total: {
      ...sumOf(filled),
      layerBytes: [...blobs.values()].reduce((sum, bytes) => sum + bytes, 0),
      wholeBytes: seen.reduce((sum, { layerBytes }) => sum + layerBytes, 0),
    },
  };
}

/** Stored bytes that each two of some images both have; the images' own bytes on the diagonal. */
export function pairBytes(sharing: Sharing, images: readonly number[]): readonly (readonly number[])[] {
  const place = new Map(images.map((image, i) => [image, i]));
  const pairs = images.map(() => images.map(() => 0));
  for (const group of sharing.groups) {
    const members = group.images.flatMap((image) => place.get(image) ?? []);
    for (const a of members) {
      const row = pairs[a] as number[];
      for (const b of members) row[b] = (row[b] as number) + group.storedBytes;
    }
  }
  return pairs;
}

function shares(
  seen: readonly Pick<ImageShare, "name" | "files" | "layerBytes">[],
  groups: readonly ShareGroup[],
): ImageShare[] {
  const own = seen.map((image) => ({
    ...image,
    ...{ contents: 0, rawBytes: 0, storedBytes: 0, withAllBytes: 0, withSomeBytes: 0, ownBytes: 0 },
  }));
  for (const { images, contents, rawBytes, storedBytes } of groups) {
    const part = images.length === 1 ? "ownBytes" : images.length === seen.length ? "withAllBytes" : "withSomeBytes";
    for (const i of images) {
      const image = own[i] as (typeof own)[number];
      image.contents += contents;
      image.rawBytes += rawBytes;
      image.storedBytes += storedBytes;
      image[part] += storedBytes;
    }
  }
  return own;
}

function sumOf(groups: readonly ShareGroup[]): ContentBytes & { readonly contents: number } {
  const sum = { contents: 0, rawBytes: 0, storedBytes: 0 };
  for (const { contents, rawBytes, storedBytes } of groups) {
    sum.contents += contents;
    sum.rawBytes += rawBytes;
    sum.storedBytes += storedBytes;
  }
  return sum;
}
