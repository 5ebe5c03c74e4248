// SPDX-License-Identifier: Apache-2.0
import { AshlarError, type Digest, isAshlarError, isSystemError } from "../base/index.ts";
import type { Descriptor, ImageSource } from "../oci/index.ts";
import { openSource, splitPlace, targetKinds } from "../registry/index.ts";
import type { Store } from "../store/index.ts";
import { insideProject } from "./inside.ts";
import { imagesWith } from "./all-images.ts";
import { lacksBlobs, originOf } from "./record.ts";
import { storeSource } from "./store-source.ts";

/** The foreign image that a spec names. */
export interface BaseName {
  readonly name: string;
  /** Of a manifest or an index. */
  readonly digest: Digest;
  /** `KIND:PATH[:TAG]`, the path relative to the project; absent: the store. */
  readonly at?: string | undefined;
}

/** Where a base is to be found. */
export interface BasePlace {
  readonly source: ImageSource;
  /** For messages, e.g. `layout "vendor/base"`. */
  readonly what: string;
  /** It has only the files of some layers, so that their blobs cannot be kept; `origin` is where those can be had. */
  readonly isFileOnly?: boolean;
  readonly origin?: string | undefined;
}

/** The place that a spec says a base is at. Throws `BUILD_BASE_PLACE`, `BUILD_OUTSIDE`. */
export function placeOf(at: string, projectDir: string): BasePlace {
  const kind = targetKinds.find((name) => at.startsWith(`${name}:`));
  const { path, tag } = splitPlace(kind ?? "", at.slice((kind ?? "").length + 1));
  if (kind === undefined || path === "" || path.startsWith("/")) {
    const message = `Cannot use base at "${at}": want KIND:PATH[:TAG], the path relative to the spec`;
    throw new AshlarError("BUILD_BASE_PLACE", message, { hint: `KIND is one of ${targetKinds.join(", ")}` });
  }
  const source = openSource(kind, inside(projectDir, path, at));
  return { source: { ...source, resolve: () => source.resolve(tag) }, what: `"${at}"` };
}

function inside(projectDir: string, path: string, at: string): string {
  try {
    return insideProject(projectDir, path);
  } catch (error) {
    if (!isSystemError(error, "ENOENT", "ENOTDIR")) throw error;
    const message = `Cannot find base at "${at}": there is no such file or directory`;
    const hint = "put the image there, e.g. with `skopeo copy`, or remove `at` where the store has it";
    throw new AshlarError("BUILD_BASE_MISSING", message, { hint, cause: error });
  }
}

/** The image of the store that has this manifest or index. */
export function placeInStore(store: Store, digest: Digest): BasePlace | undefined {
  const [named] = imagesWith(store, digest);
  if (named === undefined) return undefined;
  const [isFileOnly, origin] = [lacksBlobs(store, named), originOf(store, named)];
  return { source: storeSource(store, named), what: "the store", isFileOnly, origin };
}

/** The bytes of a manifest or index by its digest alone, verified; undefined where the place has it not. */
export async function readRoot({ source }: BasePlace, digest: Digest): Promise<Uint8Array | undefined> {
  const descriptor: Descriptor = { mediaType: "", digest, sizeBytes: 0 };
  try {
    return await source.manifest(descriptor);
  } catch (error) {
    if (isAshlarError(error, "OCI_BLOB_MISSING")) return undefined;
    throw error;
  }
}

/** What a place has instead, for a hint: its only image, or its tags. */
export async function contentOf({ source }: BasePlace): Promise<string> {
  try {
    return `it has ${(await source.resolve()).digest}`;
  } catch (error) {
    return isAshlarError(error) ? [error.message, error.hint].filter(Boolean).join("; ") : String(error);
  }
}
