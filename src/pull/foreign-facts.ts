// SPDX-License-Identifier: Apache-2.0
import { type ContentFacts, inspectContent } from "../assemble/index.ts";
import { compareOrdinal, type Digest, type Json } from "../base/index.ts";
import type { Action, Store } from "../store/index.ts";
import type { ForeignRecord } from "./foreign-record.ts";

function factsAction(flat: Digest): Action {
  return { operation: "foreign.facts", version: 1, inputs: [flat] };
}

/**
 * What the ELF files and scripts of a foreign image say of themselves, as `factsOf` for packages: looked at when
 * something is built on it for the first time, then remembered.
 */
export function foreignFacts(store: Store, { flat }: ForeignRecord): Map<Digest, ContentFacts> {
  const known = store.getAction(factsAction(flat))?.value as Record<Digest, ContentFacts> | undefined;
  const facts = known ?? lookAt(store, flat);
  if (known === undefined) {
    store.putAction(factsAction(flat), { value: facts as unknown as Json, reaches: { trees: [flat] } });
  }
  return new Map(Object.entries(facts) as [Digest, ContentFacts][]);
}

function lookAt(store: Store, flat: Digest): Record<Digest, ContentFacts> {
  const contents = store.readTree(flat).flatMap((entry) => (entry.type === "file" ? [entry.content] : []));
  const facts: Record<Digest, ContentFacts> = {};
  for (const digest of [...new Set(contents)].sort(compareOrdinal)) {
    const found = mayRun(store, digest) ? inspectContent(store.read(digest)) : undefined;
    if (found !== undefined) facts[digest] = found;
  }
  return facts;
}

function mayRun(store: Store, digest: Digest): boolean {
  for (const head of store.stream(digest)) {
    return (head[0] === 0x7f && head[1] === 0x45) || (head[0] === 0x23 && head[1] === 0x21);
  }
  return false;
}
