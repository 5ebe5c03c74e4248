// SPDX-License-Identifier: Apache-2.0
import { AshlarError, type Digest } from "../../base/index.ts";
import type { ImageSource } from "../../oci/index.ts";
import type { Document } from "../referrer-of.ts";
import { fetchDocument } from "./fetch-document.ts";
import { fetchReferrers } from "./fetch-referrers.ts";
import { fetchBlob, fetchRange } from "./fetch-blob.ts";
import type { Repository } from "./repository.ts";

/** Bytes of documents kept between finding and reading them. */
const keptBytesMax = 16 << 20;

/**
 * Reads images from a repository. `resolve` takes a tag or digest; without one `fallback`, which is what the
 * reference of the place names.
 */
export function remoteSource(repository: Repository, fallback: string): Required<ImageSource> {
  const documents = new DocumentMemory(repository);
  return {
    isRemote: true,
    async resolve(tag = fallback) {
      const document = await documents.fetch(tag);
      if (document !== undefined) return document.descriptor;
      const what = tag.startsWith("sha256:") ? "manifest" : "tag";
      const text = `Cannot find ${what} "${tag}" in "${repository.label}": the registry does not have it`;
      const hint = "check name and tag; a private one may look like none";
      throw new AshlarError("OCI_IMAGE_MISSING", text, { hint });
    },
    async manifest({ digest }) {
      const document = await documents.fetch(digest);
      if (document !== undefined) return document.bytes;
      throw new AshlarError("OCI_BLOB_MISSING", `Cannot read manifest "${digest}": not in "${repository.label}"`);
    },
    blob: (descriptor) => fetchBlob(repository, descriptor),
    range: (descriptor, range) => fetchRange(repository, descriptor, range),
    referrers: (subject) => fetchReferrers(repository, subject, (digest) => documents.fetch(digest)),
  };
}

/** Documents by digest, as many as fit, so that finding one and reading it is one request. */
class DocumentMemory {
  readonly #repository: Repository;
  readonly #kept = new Map<string, Document>();
  #bytes = 0;

  constructor(repository: Repository) {
    this.#repository = repository;
  }

  async fetch(reference: string): Promise<Document | undefined> {
    const kept = this.#kept.get(reference);
    if (kept !== undefined) return kept;
    const document = await fetchDocument(this.#repository, reference);
    if (document !== undefined) this.#keep(document.descriptor.digest, document);
    return document;
  }

  #keep(digest: Digest, document: Document): void {
    if (this.#kept.has(digest)) return;
    this.#kept.set(digest, document);
    this.#bytes += document.bytes.length;
    for (const [oldest, { bytes }] of this.#kept) {
      if (this.#bytes <= keptBytesMax) return;
      this.#kept.delete(oldest);
      this.#bytes -= bytes.length;
    }
  }
}
