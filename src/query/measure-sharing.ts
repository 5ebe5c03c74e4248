// SPDX-License-Identifier: Apache-2.0
import { type Digest, digestBytes, emptyDigest, wordOf, wordOfHex } from "../base/index.ts";
import type { ContentSize, VisitContent } from "../store/index.ts";
import { type ShareGroup, ShareGroups } from "./share-groups.ts";

/** An image whose files are compared with those of others. */
export interface SharingImage {
  readonly name: string;
  /** Tells the content of each regular file of its flat root file system: 64 hexadecimal digits at a place. */
  readonly eachFile: (visit: VisitContent) => void;
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

/** What is known of contents by whoever keeps them. */
export interface SizedContents {
  /** How many there are, about. */
  readonly countExpected: number;
  readonly each: () => Iterable<ContentSize>;
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
 * Finds out who shares what. Each image is looked at once; what is kept of a content are some 20 bytes. `sizes` tells
 * those of all contents, each once, and is asked when the images are done; a content that it does not tell has none.
 */
export function measureSharing(images: readonly SharingImage[], sizes: SizedContents): Sharing {
  const groups = new ShareGroups(images.length, sizes.countExpected);
  const blobs = new Map<Digest, number>();
  const seen = images.map(({ name, eachFile, layers }, i) => {
    let files = 0;
    eachFile((text, hexAt) => {
      files++;
      const [high, low] = [wordOfHex(text, hexAt), wordOfHex(text, hexAt + 8)];
      if (high !== emptyHigh || low !== emptyLow) groups.add(i, high, low);
    });
    groups.endImage();
    for (const { digest, sizeBytes } of layers) blobs.set(digest, sizeBytes);
    return { name, files, layerBytes: layers.reduce((sum, layer) => sum + layer.sizeBytes, 0) };
  });
  for (const size of sizes.each()) groups.addBytes(wordOf(size.digest, 0), wordOf(size.digest, 4), size);
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

const emptyBytes = digestBytes(emptyDigest);
const [emptyHigh, emptyLow] = [wordOf(emptyBytes, 0), wordOf(emptyBytes, 4)];

/** Stored bytes that each two of some images both have; the images' own bytes on the diagonal. */
export function pairBytes(sharing: Sharing, images: readonly number[]): readonly (readonly number[])[] {
  const pairs = images.map(() => images.map(() => 0));
  for (const group of sharing.groups) {
    const members = images.flatMap((image, i) => (group.images.has(image) ? i : []));
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
    const part = images.size === 1 ? "ownBytes" : images.size === seen.length ? "withAllBytes" : "withSomeBytes";
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
