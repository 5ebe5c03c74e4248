// SPDX-License-Identifier: Apache-2.0
import { canonicalJson, type Digest, digestOf, type Json } from "../base/index.ts";
import type { Document, ImageDocument } from "./document.ts";

/**
 * The canonical JSON of a document: what is hashed, locked and signed. Fields that came to `image/v1` later
 * (`steps`, `system.debconf`, `system.run`) are left out where they are empty, so that what did not use them
 * keeps its digest.
 */
export function documentText(document: Document): string {
  if (document.ashlar === "image/v1") return canonicalJson(writtenImage(document));
  const images = Object.entries(document.images).map(([key, image]) => [key, writtenImage(image)] as const);
  return canonicalJson({ ...document, images: Object.fromEntries(images) });
}

function writtenImage({ steps, system: { debconf, run, ...system }, ...image }: ImageDocument): Json {
  return {
    ...image,
    ...(isEmpty(steps) ? {} : { steps }),
    system: { ...system, ...(isEmpty(debconf) ? {} : { debconf }), ...(isEmpty(run) ? {} : { run }) },
  } as unknown as Json;
}

function isEmpty(value: object): boolean {
  return Object.keys(value).length === 0;
}

/** The digest of the canonical text, which the lock names. */
export function documentDigest(document: Document): Digest {
  return digestOf(documentText(document));
}
