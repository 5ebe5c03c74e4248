// SPDX-License-Identifier: Apache-2.0
import type { Digest } from "../base/index.ts";
import type { Descriptor } from "./descriptor.ts";
import type { ImageConfig } from "./image-config.ts";
import type { Manifest } from "./manifest.ts";
import type { Platform } from "./platform.ts";

/** Something whose bytes can be had, any number of times. The consumer verifies them (`verifyBlob`). */
export interface BlobSource {
  readonly descriptor: Descriptor;
  open(): AsyncIterable<Uint8Array>;
}

export interface Layer extends BlobSource {
  /** Digest of the uncompressed tar. */
  readonly diffId: Digest;
}

/** An image for one platform. `manifest` and `config` are the exact bytes. */
export interface Image {
  readonly platform: Platform;
  readonly manifest: Uint8Array;
  readonly manifestDescriptor: Descriptor;
  readonly config: Uint8Array;
  /** Lowest first. */
  readonly layers: readonly Layer[];
}

/** An image whose documents were parsed. */
export interface OpenImage extends Image {
  readonly parsedManifest: Manifest;
  readonly parsedConfig: ImageConfig;
}

/** Images for several platforms under one digest. */
export interface ImageIndex {
  readonly index: Uint8Array;
  readonly indexDescriptor: Descriptor;
  readonly images: readonly Image[];
}

/** Some consecutive bytes of a blob. */
export interface BlobRange {
  readonly offset: number;
  readonly sizeBytes: number;
}

/** A place images can be read from. Nothing it gives is verified; `copyImage` and `readImage` do that. */
export interface ImageSource {
  /**
   * Finds the manifest or index of a tag; of the only image of the place where no tag is given. Throws
   * `OCI_IMAGE_MISSING`, `OCI_IMAGE_AMBIGUOUS`.
   */
  resolve(tag?: string): Promise<Descriptor>;
  /** The bytes of a manifest or index. Throws `OCI_BLOB_MISSING`. */
  manifest(descriptor: Descriptor): Promise<Uint8Array>;
  /** The bytes of a config or layer. Throws `OCI_BLOB_MISSING`, at the latest with the first piece. */
  blob(descriptor: Descriptor): AsyncIterable<Uint8Array>;
  /**
   * The bytes of one part of a blob, exactly as many as asked for. Absent where a place has no cheap way to give a
   * part. Throws as `blob`, and before the first piece `OCI_RANGE_UNSUPPORTED` where the place turns out to give
   * blobs as a whole only.
   */
  range?(descriptor: Descriptor, range: BlobRange): AsyncIterable<Uint8Array>;
  /** Bytes come over a network: what arrived of a blob is worth keeping when the rest does not. */
  readonly isRemote?: true;
  /**
   * The manifests that name this one as their subject (distribution-spec 1.1, "Listing Referrers"), with their
   * `artifactType` and annotations where the place tells them. Absent where a place keeps none.
   */
  referrers?(subject: Descriptor): Promise<readonly Descriptor[]>;
}

/**
 * A place images can be written to. Blobs come before the manifest that names them, manifests before their
 * index. Writing what is there already is allowed and changes nothing.
 */
export interface ImageTarget {
  /** True where several blobs may be written at the same time; without it they come one after the other. */
  readonly concurrent?: boolean;
  /** Tells whether the blob or manifest is there, so that it need not be sent. */
  has(descriptor: Descriptor): Promise<boolean>;
  /**
   * Takes a blob. When `bytes` throws, the blob is not there and the error goes to the caller.
   * `REGISTRY_UPLOAD_LOST` asks for the same blob once more, from its beginning.
   */
  writeBlob(descriptor: Descriptor, bytes: AsyncIterable<Uint8Array>): Promise<void>;
  /**
   * Takes a manifest or index. `root` is given for the image itself, not for the parts of an index: the place
   * then lists it, and its tag, if any, names it and nothing else.
   */
  writeManifest(descriptor: Descriptor, bytes: Uint8Array, root?: { readonly tag?: string | undefined }): Promise<void>;
  /** Makes everything written visible. Until then an archive is not there at all. */
  finish(): Promise<void>;
  /** Gives up: removes what is not finished. Allowed after an error and after `finish`. */
  abort(): Promise<void>;
}
