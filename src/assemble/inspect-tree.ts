// SPDX-License-Identifier: Apache-2.0
import { compareOrdinal, type Digest } from "../base/index.ts";
import type { Tree } from "../formats/index.ts";
import { type ContentFacts, inspectContent } from "./content-facts.ts";
import type { ContentReader } from "./content.ts";

/** What the contents of a tree say of others, by content in order; as unpacking a package finds it. */
export function inspectTree(
  store: ContentReader & { stream(digest: Digest): Iterable<Uint8Array> },
  tree: Tree,
): Record<Digest, ContentFacts> {
  const contents = tree.flatMap((entry) => (entry.type === "file" ? [entry.content] : []));
  const facts: Record<Digest, ContentFacts> = {};
  for (const digest of [...new Set(contents)].sort(compareOrdinal)) {
    const found = headMayRun(store.stream(digest)) ? inspectContent(store.read(digest)) : undefined;
    if (found !== undefined) facts[digest] = found;
  }
  return facts;
}

function headMayRun(pieces: Iterable<Uint8Array>): boolean {
  for (const head of pieces) return mayRun(head);
  return false;
}

/** Tells whether a file that begins so can be an ELF file or a script. */
export function mayRun(head: Uint8Array): boolean {
  return (head[0] === 0x7f && head[1] === 0x45) || (head[0] === 0x23 && head[1] === 0x21);
}
