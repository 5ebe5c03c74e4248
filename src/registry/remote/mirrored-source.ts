// SPDX-License-Identifier: Apache-2.0
import { AshlarError, isAshlarError } from "../../base/index.ts";
import { type BlobRange, type Descriptor, type ImageSource, verifyBytes } from "../../oci/index.ts";

type Source = Required<ImageSource>;

/**
 * Several places that hold the same, asked in order: the next one answers where one lacks something, fails, or has
 * a wrong manifest. A blob that breaks off in one place goes on in the next. The error of the last one, the registry
 * itself, is thrown, with those of the mirrors as reasons.
 */
export function mirroredSource(places: readonly Source[]): Source {
  const [only] = places;
  if (only !== undefined && places.length === 1) return only;
  return fromSeveral(new Places(places));
}

function fromSeveral(places: Places): Source {
  return {
    isRemote: true,
    resolve: (tag) => firstOf(places, (place) => place.resolve(tag)),
    manifest: (descriptor) => firstOf(places, (place) => readVerified(place, descriptor)),
    blob: (descriptor) => readOn(places, { descriptor, start: 0, end: descriptor.sizeBytes, whole: true }),
    range: (descriptor, { offset, sizeBytes }) =>
      readOn(places, { descriptor, start: offset, end: offset + sizeBytes, whole: false }),
    async referrers(subject) {
      // A mirror that keeps none says the same as one that lists none.
      return firstOf(places, async (place, isLast) => {
        const found = await place.referrers(subject);
        if (found.length === 0 && !isLast) throw new AshlarError("OCI_IMAGE_MISSING", "it lists no referrers");
        return found;
      });
    },
  };
}

/** A descriptor without a size stands for a digest alone. */
async function readVerified(place: Source, descriptor: Descriptor): Promise<Uint8Array> {
  const bytes = await place.manifest(descriptor);
  return descriptor.sizeBytes === 0 ? bytes : verifyBytes(descriptor, bytes);
}

/** The places in their order; one that could not be reached is asked no more, but for the last. */
class Places {
  readonly #all: readonly Source[];
  readonly #away = new Set<Source>();

  constructor(all: readonly Source[]) {
    this.#all = all;
  }

  *[Symbol.iterator](): Generator<Source> {
    for (const place of this.#all) if (!this.#away.has(place) || this.isLast(place)) yield place;
  }

  isLast(place: Source): boolean {
    return place === this.#all.at(-1);
  }

  /** What a place did wrong lets the next one have a try; all else is thrown on. */
  fault(place: Source, error: unknown): AshlarError {
    if (!isAshlarError(error) || error.code === "INTERRUPTED") throw error;
    if (error.code === "REGISTRY_UNREACHABLE") this.#away.add(place);
    return error;
  }
}

async function firstOf<T>(places: Places, ask: (place: Source, isLast: boolean) => Promise<T>): Promise<T> {
  const faults: AshlarError[] = [];
  for (const place of places) {
    try {
      return await ask(place, places.isLast(place));
    } catch (error) {
      faults.push(places.fault(place, error));
    }
  }
  throw summary(faults);
}

interface Part {
  readonly descriptor: Descriptor;
  readonly start: number;
  readonly end: number;
  readonly whole: boolean;
}

async function* readOn(places: Places, part: Part): AsyncGenerator<Uint8Array> {
  const { descriptor, start, end, whole } = part;
  const faults: AshlarError[] = [];
  let at = start;
  for (const place of places) {
    try {
      for await (const piece of whole ? restOf(place, descriptor, at) : place.range(descriptor, rangeOf(at, end))) {
        at += piece.length;
        yield piece;
      }
      return;
    } catch (error) {
      faults.push(places.fault(place, error));
    }
  }
  throw summary(faults);
}

function rangeOf(offset: number, end: number): BlobRange {
  return { offset, sizeBytes: end - offset };
}

/** The bytes of a blob from a position on; in a place that gives no parts what comes before is read over. */
async function* restOf(place: Source, descriptor: Descriptor, at: number): AsyncGenerator<Uint8Array> {
  if (at === 0) return yield* place.blob(descriptor);
  try {
    return yield* place.range(descriptor, rangeOf(at, descriptor.sizeBytes));
  } catch (error) {
    // It comes before the first piece.
    if (!isAshlarError(error, "OCI_RANGE_UNSUPPORTED")) throw error;
  }
  let left = at;
  for await (const piece of place.blob(descriptor)) {
    if (left < piece.length) yield piece.subarray(left);
    left = Math.max(0, left - piece.length);
  }
}

function summary(faults: readonly AshlarError[]): AshlarError {
  const last = faults.at(-1);
  if (last === undefined) throw new Error("internal error: there is no place to ask");
  const { code, message, hint, details, cause } = last;
  const because = [...last.because, ...faults.slice(0, -1).map((fault) => `mirror: ${fault.message}`)];
  return new AshlarError(code, message, { hint, details, cause, because });
}
