// SPDX-License-Identifier: Apache-2.0
import { type Digest, isAshlarError } from "../base/index.ts";
import type { LayerPlan, TocFrame } from "../layer/index.ts";
import type { Descriptor, ImageSource, Layer } from "../oci/index.ts";
import type { Store } from "../store/index.ts";

/** A blob whose tables are to be read, and from where. */
export interface WantedTables {
  readonly store: Store;
  readonly source: ImageSource;
  readonly layer: { readonly descriptor: Descriptor };
  /** Its frames are said to be made by our own compressor. */
  readonly isOurs: boolean;
  /** Trees that layers of the store's images are made of; asked for once, if at all. */
  readonly partsHere: () => Iterable<Digest>;
}

/** A layer that is to be brought into the store. */
export interface WantedLayer extends WantedTables {
  readonly layer: Layer;
  /** What its plan is called, e.g. "packages" or "from 1". */
  readonly name: string;
  /** Its blob is to be in the store too, where only its writer could make it again. */
  readonly keepBlob: boolean;
}

/** A file of a layer, and where its frames lie in the blob. */
export interface LayerFile {
  readonly content: Digest;
  readonly sizeBytes: number;
  readonly frames: readonly TocFrame[];
  /** Gives the bytes of one of the frames; absent where each is one zstd frame, which can be kept as it is. */
  readonly unpack?: (stored: Uint8Array, frame: TocFrame) => Uint8Array;
}

/** How a layer can be brought: by its missing files alone. */
export interface FilesWay {
  readonly kind: "files";
  /** Those that the store has not. */
  readonly missing: readonly LayerFile[];
  /** What was made of its tables takes about so much memory, until it is finished. */
  readonly tableBytes: number;
  /** Does what it can of `finish` with the files that are here; tells whether that was all. Throws as `finish`. */
  advance?(): boolean;
  /** Makes the plan once the store has all files, and proves the layer whole. */
  finish(): Promise<LayerPlan>;
}

/** How a layer can be brought. */
export type LayerWay =
  /** It is here. */
  | { readonly kind: "known"; readonly plan: LayerPlan }
  | FilesWay
  /** Its blob must be had whole; `why` where it looked as if it need not. */
  | { readonly kind: "whole"; readonly why?: string };

/** What is wrong with a way by files; errors of the network and of the disk are thrown on. */
export function whyWhole(error: unknown): string {
  const codes = /^(?:PULL|LAYER|FORMATS|OCI|PATH|TREE|DIGEST)_|^STORE_(?:FRAME_INVALID|CONTENT_MISSING)$/;
  if (isAshlarError(error) && codes.test(error.code)) return error.message;
  throw error;
}

/** Each content once, as it is fetched. */
export function storedBytes(files: readonly LayerFile[]): number {
  const distinct = [...new Map(files.map((file) => [file.content, file])).values()];
  return distinct.reduce((sum, { frames }) => sum + frames.reduce((all, frame) => all + frame.storedBytes, 0), 0);
}
