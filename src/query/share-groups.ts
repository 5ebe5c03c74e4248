// SPDX-License-Identifier: Apache-2.0
import { DigestNumbers } from "./digest-numbers.ts";

/** Contents that just these images have, so far. */
export interface ShareGroup {
  readonly images: Iterable<number> & Pick<ReadonlySet<number>, "has" | "size">;
  readonly contents: number;
  readonly rawBytes: number;
  readonly storedBytes: number;
}

/** Some of the images, told by their places in a list. */
class ImageSet {
  readonly #words: Uint32Array;
  size = 0;

  constructor(imageCount: number) {
    this.#words = new Uint32Array(Math.ceil(imageCount / 32));
  }

  has(image: number): boolean {
    return ((this.#words[image >>> 5] as number) & (1 << (image & 31))) !== 0;
  }

  /** In their order. */
  *[Symbol.iterator](): Iterator<number> {
    for (const [i, word] of this.#words.entries()) {
      // The lowest bit is cut off each time.
      for (let rest = word; rest !== 0; rest &= rest - 1) yield i * 32 + (31 - Math.clz32(rest & -rest));
    }
  }

  /** Makes it the set of what another one has and `image`, which is not among them. */
  become(other: ImageSet | undefined, image: number): void {
    if (other === undefined) this.#words.fill(0);
    else this.#words.set(other.#words);
    this.#words[image >>> 5] = (this.#words[image >>> 5] as number) | (1 << (image & 31));
    this.size = (other?.size ?? 0) + 1;
  }
}

class Group {
  readonly images: ImageSet;
  contents = 0;
  rawBytes = 0;
  storedBytes = 0;
  /** The last image that is in the set. */
  last = -1;
  /** The number of the set of these images and one more, for the image that is being looked at. */
  next = 0;
  nextImage = -1;

  constructor(imageCount: number) {
    this.images = new ImageSet(imageCount);
  }
}

/**
 * Contents by the sets of images that have them. Each image moves the contents that it has from their set to the one
 * with it; sets that are empty then serve again, so there are never more than twice as many as contents differ in them.
 */
export class ShareGroups {
  readonly #imageCount: number;
  readonly #placed: DigestNumbers;
  /** By their numbers; 0 is that of no images. */
  readonly #groups: Group[];
  readonly #free: number[] = [];
  /** Groups that lost contents to the image that is being looked at. */
  #left: number[] = [];

  constructor(imageCount: number, countExpected: number) {
    this.#imageCount = imageCount;
    this.#placed = new DigestNumbers(countExpected);
    this.#groups = [new Group(0)];
  }

  /** Notes that an image has a content, told by the first two words of its digest; more than once is once. */
  add(image: number, high: number, low: number): void {
    const from = this.#placed.get(high, low);
    const group = this.#groups[from] as Group;
    if (group.last === image) return;
    const to = this.#with(from, image);
    group.contents--;
    (this.#groups[to] as Group).contents++;
    this.#placed.set(high, low, to);
  }

  #with(from: number, image: number): number {
    const group = this.#groups[from] as Group;
    if (group.nextImage === image) return group.next;
    const number = this.#free.pop() ?? this.#groups.push(new Group(this.#imageCount)) - 1;
    const made = this.#groups[number] as Group;
    made.images.become(from === 0 ? undefined : group.images, image);
    [made.last, made.contents] = [image, 0];
    [group.nextImage, group.next] = [image, number];
    this.#left.push(from);
    return number;
  }

  /** To be called after the last content of each image. */
  endImage(): void {
    for (const number of this.#left) {
      if (number !== 0 && this.#groups[number]?.contents === 0) this.#free.push(number);
    }
    this.#left = [];
  }

  /** Adds the sizes of one of the contents; nothing where no image has it. */
  addBytes(high: number, low: number, size: { readonly rawBytes: number; readonly storedBytes: number }): void {
    const number = this.#placed.get(high, low);
    if (number === 0) return;
    const group = this.#groups[number] as Group;
    group.rawBytes += size.rawBytes;
    group.storedBytes += size.storedBytes;
  }

  /** Each content is in one of them. */
  filled(): ShareGroup[] {
    return this.#groups.filter(({ contents }, number) => number !== 0 && contents > 0);
  }
}
