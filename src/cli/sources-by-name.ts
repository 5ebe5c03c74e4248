// SPDX-License-Identifier: Apache-2.0
import { type Document, imagesOf, type SourceDocument } from "../spec/index.ts";

/** The sources of all images of a document by the name that locked packages call them. */
export function sourcesByName(document: Document): ReadonlyMap<string, SourceDocument> {
  const sources = new Map<string, SourceDocument>();
  for (const image of Object.values(imagesOf(document))) {
    if (!("sources" in image.from)) continue;
    for (const source of image.from.sources) sources.set(source.name, source);
  }
  return sources;
}
