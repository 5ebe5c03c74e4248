// SPDX-License-Identifier: Apache-2.0
import {
  checkClosure,
  type ContentFacts,
  inspectContent,
  optionalPackages,
  type OwnedTree,
  showFault,
  verifyClosure,
  verifyExpectations,
} from "../assemble/index.ts";
import type { Digest } from "../base/index.ts";
import type { ImageDocument } from "../spec/index.ts";
import type { Store } from "../store/index.ts";
import { factsOf, readControl, type RecordedPackage } from "./stage.ts";

interface Verification {
  readonly store: Store;
  readonly document: ImageDocument;
  readonly owned: OwnedTree;
  readonly packages: readonly RecordedPackage[];
}

/**
 * Holds a finished root file system against its spec's promises, and proves that every library and interpreter
 * in use is there. Returns warnings. Throws `POLICY_*`, `ASSEMBLE_CLOSURE`.
 */
export function verifyImage({ store, document, owned, packages }: Verification): readonly string[] {
  const { expect, config } = document;
  const locked = packages.map((item) => item.locked);
  verifyExpectations(expect, { tree: owned.tree, packages: locked, owners: owned.owners });
  const facts = factsOf(store, packages);
  const faults = checkClosure(owned.tree, {
    factsOf: (digest) => facts.get(digest) ?? remember(facts, digest, owned, store),
    contents: store,
    owners: owned.owners,
    allow: expect.closureAllow,
    path: config.env?.["PATH"],
    libraryPath: config.env?.["LD_LIBRARY_PATH"],
    optionalOf: optionalPackages(
      packages.map((item) => readControl(store, item)),
      store,
    ),
  });
  if (expect.closure === "warn") return faults.map(showFault);
  verifyClosure(faults);
  return [];
}

/** Files that no package brought are looked at here; of packages, what is not in their records is neither. */
function remember(
  facts: Map<Digest, ContentFacts>,
  digest: Digest,
  owned: OwnedTree,
  store: Store,
): ContentFacts | undefined {
  if (!appContents(owned).has(digest)) return undefined;
  const fact = inspectContent(store.read(digest));
  if (fact !== undefined) facts.set(digest, fact);
  return fact;
}

const known = new WeakMap<OwnedTree, Set<Digest>>();

/** The contents of entries that steps of ours made, by tree. */
function appContents(owned: OwnedTree): Set<Digest> {
  const before = known.get(owned);
  if (before !== undefined) return before;
  const contents = new Set<Digest>();
  for (const entry of owned.tree) {
    if (entry.type === "file" && (owned.owners.get(entry.path) ?? "@").startsWith("@"))
      contents.add(entry.content);
  }
  known.set(owned, contents);
  return contents;
}
