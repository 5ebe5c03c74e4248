// SPDX-License-Identifier: Apache-2.0
import type { Digest } from "../base/index.ts";
import { DigestNumbers } from "./digest-numbers.ts";
import type { ContentBytes, ShareGroup } from "./measure-sharing.ts";

/** Contents that are in just these images so far. */
interface Group {
  /** In the order in which they came. */
  readonly images: number[];
  contents: number;
  rawBytes: number;
  storedBytes: number;
}

/**
 * Contents by the sets of images that have them. An image divides each set into those that it has too and those that it
 * has not; where it has all of one, as of a package, that costs nothing a content.
 */
export class ShareGroups {
  readonly #groups: Group[] = [];
  /** The group of each content. */
  readonly #placed = new DigestNumbers();
  #imageCount = 0;

  /** Adds the next image with its contents, each named once. */
  add(contents: ReadonlySet<Digest>, sizeOf: (digest: Digest) => ContentBytes): void {
    const image = this.#imageCount++;
    const had = new Map<number, number>();
    for (const digest of contents) {
      const number = this.#placed.get(digest);
      if (number !== undefined) had.set(number, (had.get(number) ?? 0) + 1);
    }
    const whole = new Set<number>();
    for (const [number, count] of had) {
      const group = this.#groups[number] as Group;
      if (count < group.contents) continue;
      group.images.push(image);
      whole.add(number);
    }
    /** New groups by the ones out of which they come; -1 for contents that are new. */
    const made = new Map<number, number>();
    for (const digest of contents) {
      const from = this.#placed.get(digest) ?? -1;
      if (!whole.has(from)) this.#move(digest, sizeOf(digest), { from, image, made });
    }
  }

  #move(digest: Digest, size: ContentBytes, { from, image, made }: Move): void {
    const old = this.#groups[from];
    if (old !== undefined) change(old, size, -1);
    let to = made.get(from);
    if (to === undefined) {
      to = this.#groups.push({ images: [...(old?.images ?? []), image], contents: 0, rawBytes: 0, storedBytes: 0 }) - 1;
      made.set(from, to);
    }
    change(this.#groups[to] as Group, size, 1);
    this.#placed.set(digest, to);
  }

  /** Each content is in one of them; ordered by their images. */
  filled(): ShareGroup[] {
    return this.#groups.filter(({ contents }) => contents > 0).sort((a, b) => compareLists(a.images, b.images));
  }
}

interface Move {
  readonly from: number;
  readonly image: number;
  readonly made: Map<number, number>;
}

function change(group: Group, { rawBytes, storedBytes }: ContentBytes, sign: 1 | -1): void {
  group.contents += sign;
  group.rawBytes += sign * rawBytes;
  group.storedBytes += sign * storedBytes;
}

function compareLists(a: readonly number[], b: readonly number[]): number {
  const at = a.findIndex((value, i) => value !== b[i]);
  return at < 0 ? a.length - b.length : (a[at] as number) - (b[at] ?? -1);
}
