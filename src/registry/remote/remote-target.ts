// SPDX-License-Identifier: Apache-2.0
import type { Digest } from "../../base/index.ts";
import { type Descriptor, type ImageTarget, isIndexType, parseIndex, parseManifest } from "../../oci/index.ts";
import { addToFallbackIndex } from "./fallback-index.ts";
import { hasBlob, hasManifest, isDocument } from "./has-blob.ts";
import { putManifest } from "./put-manifest.ts";
import type { Repository } from "./repository.ts";
import { uploadBlob, type UploadOptions } from "./upload-blob.ts";

interface Tagging {
  readonly tag: string;
  readonly descriptor: Descriptor;
  readonly bytes: Uint8Array;
}

/**
 * Writes images into a repository. Manifests are written under their digest at once, tags by `finish`: so a tag
 * names only what is there with all its parts. A manifest with a subject is listed under the tag that stands in
 * for the referrers API where the registry does not say that it did so itself.
 */
export function remoteTarget(repository: Repository, options: UploadOptions): ImageTarget {
  return new RemoteTarget(repository, options);
}

class RemoteTarget implements ImageTarget {
  readonly concurrent = true;
  readonly #repository: Repository;
  readonly #options: UploadOptions;
  /** Manifests that were there, and those that we wrote. */
  readonly #present = new Set<Digest>();
  readonly #written = new Set<Digest>();
  #tags: Tagging[] = [];

  constructor(repository: Repository, options: UploadOptions) {
    this.#repository = repository;
    this.#options = options;
  }

  async has(descriptor: Descriptor): Promise<boolean> {
    if (!isDocument(descriptor)) return hasBlob(this.#repository, descriptor);
    const isThere = await hasManifest(this.#repository, descriptor);
    if (isThere) this.#present.add(descriptor.digest);
    return isThere;
  }

  async writeBlob(descriptor: Descriptor, bytes: AsyncIterable<Uint8Array>): Promise<void> {
    await uploadBlob(this.#repository, descriptor, { ...this.#options, bytes });
  }

  async writeManifest(
    descriptor: Descriptor,
    bytes: Uint8Array,
    root?: { readonly tag?: string | undefined },
  ): Promise<void> {
    await this.#writeOnce(descriptor, bytes);
    if (root?.tag === undefined) return;
    this.#tags.push({ tag: root.tag, descriptor, bytes: Uint8Array.from(bytes) });
  }

  async #writeOnce(descriptor: Descriptor, bytes: Uint8Array): Promise<void> {
    const { digest, mediaType } = descriptor;
    const { subject } = isIndexType(mediaType) ? parseIndex(bytes, mediaType) : parseManifest(bytes, mediaType);
    // One with a subject is written though it is there: whoever wrote it may have come no further than that.
    if (this.#written.has(digest) || (subject === undefined && this.#present.has(digest))) return;
    const listed = await putManifest(this.#repository, descriptor, { bytes, reference: digest });
    if (subject !== undefined && !listed) {
      await addToFallbackIndex(this.#repository, subject.digest, { descriptor, bytes });
    }
    this.#written.add(digest);
  }

  async finish(): Promise<void> {
    for (const { tag, descriptor, bytes } of this.#tags.splice(0)) {
      await putManifest(this.#repository, descriptor, { bytes, reference: tag });
    }
  }

  async abort(): Promise<void> {
    this.#tags = [];
  }
}
