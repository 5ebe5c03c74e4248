// SPDX-License-Identifier: Apache-2.0
import { isAshlarError } from "../base/index.ts";
import { findImage, type NamedRecord, originOf, storeSource } from "../build/index.ts";
import { type ImageSource, parseReference, type Reference } from "../oci/index.ts";
import { openSource, type PlaceKind, type RemotePlace } from "../registry/index.ts";
import type { Store } from "../store/index.ts";
import { openForReading } from "./open-store.ts";
import { parsePlace, type Place } from "./place.ts";
import { makeProgress } from "./progress.ts";
import { isMarkedReference, openRemotePlace, remoteReference, type RemoteOptions } from "./remote-place.ts";
import type { GlobalOptions, Shell } from "./shell.ts";
import { takeLease } from "./take-lease.ts";

/** What an IMAGE on the command line means. */
export type NamedImage =
  | { readonly kind: "place"; readonly place: Place<PlaceKind> }
  | { readonly kind: "record"; readonly record: NamedRecord }
  | { readonly kind: "remote"; readonly reference: Reference };

/**
 * Finds out what an IMAGE means: `KIND:PATH[:TAG]`; else an image of the store; else a registry's, where the text
 * begins with a host. Throws as `findImage` where it is none of them.
 */
export function resolveImage(
  text: string,
  { shell, store }: { readonly shell: Shell; readonly store: Store },
): NamedImage {
  const place = parsePlace(text, shell);
  if (place !== undefined) return { kind: "place", place };
  if (!isMarkedReference(text)) {
    try {
      return { kind: "record", record: findImage(store, text) };
    } catch (error) {
      if (!isAshlarError(error, "IMAGE_NOT_FOUND") || remoteReference(text) === undefined) throw error;
    }
  }
  return { kind: "remote", reference: remoteReference(text) as Reference };
}

/** An image that can be copied. */
export interface OpenedImage {
  readonly source: ImageSource;
  /** Its tag there, to be given to `resolve`. */
  readonly from: string | undefined;
  /** The repository it lies in or was pulled from, where that is a registry's. */
  readonly reference: Reference | undefined;
  /** The user's store, whatever place the image is of. */
  readonly store: Store;
}

/** Opens the image that a text names, lets `use` read it, and closes everything again. */
export async function withImage<T>(
  shell: Shell,
  text: string,
  { options, remote }: { readonly options: GlobalOptions; readonly remote: RemoteOptions },
  use: (image: OpenedImage) => Promise<T>,
): Promise<T> {
  const store = await openForReading(shell, options);
  const lease = await takeLease(store, { say: makeProgress(shell, options).note, signal: remote.signal });
  try {
    const image = resolveImage(text, { shell, store });
    if (image.kind === "record") {
      return await useStored(shell, image.record, { store, remote, use });
    }
    if (image.kind === "place") {
      const { kind, path, tag } = image.place;
      return await use({ source: openSource(kind, path), from: tag, reference: undefined, store });
    }
    const source = openRemotePlace(shell, image.reference, remote);
    try {
      return await use({ source, from: undefined, reference: image.reference, store });
    } finally {
      await source.close();
    }
  } finally {
    lease.release();
    store.close();
  }
}

interface StoredUse<T> {
  readonly store: Store;
  readonly remote: RemoteOptions;
  readonly use: (image: OpenedImage) => Promise<T>;
}

/** An image of the store; blobs that it lacks come from where it was pulled. */
async function useStored<T>(shell: Shell, record: NamedRecord, { store, remote, use }: StoredUse<T>): Promise<T> {
  const opened = new Map<string, RemotePlace>();
  const openOrigin = (origin: string): ImageSource => {
    const place = opened.get(origin) ?? openRemotePlace(shell, parseReference(origin), remote);
    opened.set(origin, place);
    return place;
  };
  const origin = originOf(store, record);
  const reference = origin === undefined ? undefined : parseReference(origin);
  try {
    return await use({ source: storeSource(store, record, { openOrigin }), from: undefined, reference, store });
  } finally {
    for (const place of opened.values()) await place.close();
  }
}
