// SPDX-License-Identifier: Apache-2.0
import { type ContentFacts, inspectTree } from "../assemble/index.ts";
import type { Digest, Json } from "../base/index.ts";
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
  const facts = known ?? inspectTree(store, store.readTree(flat));
  if (known === undefined) {
    store.putAction(factsAction(flat), { value: facts as unknown as Json, reaches: { trees: [flat] } });
  }
  return new Map(Object.entries(facts) as [Digest, ContentFacts][]);
}
