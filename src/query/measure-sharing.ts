// SPDX-License-Identifier: Apache-2.0
import type { Digest } from "../base/index.ts";
import type { Tree } from "../formats/index.ts";

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
interface ShareGroup extends ContentBytes {
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
 * Finds out who shares what. Each image is looked at once and its tree may go afterwards; the work is one look-up an
 * entry. `sizeOf` is asked once a content.
 */
export function measureSharing(images: Iterable<SharingImage>, sizeOf: (digest: Digest) => ContentBytes): Sharing {
  const groups = new Groups();
  const known = new Map<Digest, Placed>();
  const seen: { name: string; files: number; layerBytes: number }[] = [];
  const blobs = new Map<Digest, number>();
  for (const { name, tree, layers } of images) {
    const image = seen.length;
    let files = 0;
    for (const entry of tree) {
      if (entry.type !== "file") continue;
      files++;
      if (entry.sizeBytes === 0) continue;
      const content = known.get(entry.content) ?? { ...sizeOf(entry.content), group: groups.root };
      if (content.group === groups.root) known.set(entry.content, content);
      groups.move(content, image);
    }
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

/** A set of images, and the contents that are in just these so far. */
class Group {
  readonly parent: Group | undefined;
  readonly image: number;
  readonly next = new Map<number, Group>();
  contents = 0;
  rawBytes = 0;
  storedBytes = 0;

  constructor(parent: Group | undefined, image: number) {
    this.parent = parent;
    this.image = image;
  }

  add({ rawBytes, storedBytes }: ContentBytes, sign: 1 | -1): void {
    this.contents += sign;
    this.rawBytes += sign * rawBytes;
    this.storedBytes += sign * storedBytes;
  }

  images(): number[] {
    const images: number[] = [];
    let group: Group = this;
    for (; group.parent !== undefined; group = group.parent) images.push(group.image);
    return images.reverse();
  }
}

interface Placed extends ContentBytes {
  group: Group;
}

/** All sets of images that some content is in: a tree, as images come one after the other. */
class Groups {
  readonly root = new Group(undefined, -1);
  readonly #all: Group[] = [];

  /** Notes that an image has a content; more than once is once. */
  move(content: Placed, image: number): void {
    const { group } = content;
    if (group.image === image) return;
    if (group !== this.root) group.add(content, -1);
    content.group = this.#with(group, image);
    content.group.add(content, 1);
  }

  #with(group: Group, image: number): Group {
    const known = group.next.get(image);
    if (known !== undefined) return known;
    const made = new Group(group, image);
    group.next.set(image, made);
    this.#all.push(made);
    return made;
  }

  filled(): ShareGroup[] {
    const filled = this.#all.filter((group) => group.contents > 0);
    return filled.map((group) => {
      const { contents, rawBytes, storedBytes } = group;
      return { images: group.images(), contents, rawBytes, storedBytes };
    });
  }
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
