// SPDX-License-Identifier: Apache-2.0
import { canonicalJson, type Digest, digestOf, type Json } from "../base/index.ts";
import type { Document } from "./document.ts";

/** The canonical JSON of a document: what is hashed, locked and signed. */
export function documentText(document: Document): string {
  return canonicalJson(document as unknown as Json);
}

/** The digest of the canonical text, which the lock names. */
export function documentDigest(document: Document): Digest {
  return digestOf(documentText(document));
}
