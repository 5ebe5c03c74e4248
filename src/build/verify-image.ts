// SPDX-License-Identifier: Apache-2.0
import {
  baseOwner,
  checkClosure,
  type ClosureFault,
  type ContentFacts,
  inspectContent,
  optionalPackages,
  type OwnedTree,
  showFault,
  verifyClosure,
  verifyExpectations,
} from "../assemble/index.ts";
import type { Digest, ImagePath } from "../base/index.ts";
import type { Tree } from "../formats/index.ts";
import type { ImageDocument } from "../spec/index.ts";
import type { Store } from "../store/index.ts";
import { foreignFacts, installedIn, readForeignRecord } from "../pull/index.ts";
import { factsOf, readControl, type RecordedPackage } from "./stage.ts";

interface Verification {
  readonly store: Store;
  readonly document: ImageDocument;
  readonly owned: OwnedTree;
  readonly packages: readonly RecordedPackage[];
  /** Record of the foreign image at the bottom, and the variables that the image inherits. */
  readonly base?: Digest | undefined;
  readonly env?: readonly string[] | undefined;
}

/**
 * Holds a finished root file system against its spec's promises, and proves that every library and interpreter
 * in use is there. Returns warnings. Throws `POLICY_*`, `ASSEMBLE_CLOSURE`.
 */
export function verifyImage(verification: Verification): readonly string[] {
  const { store, document, owned, packages, base } = verification;
  const below = base === undefined ? undefined : readForeignRecord(store, base);
  const inBase = below === undefined ? [] : installedIn(store, below).map(({ name }) => inBaseNamed(name));
  const all = [...packages.map((item) => item.locked), ...inBase];
  verifyExpectations(document.expect, { tree: owned.tree, packages: all, owners: owned.owners });
  const facts = factsOf(store, packages);
  if (below !== undefined) for (const [digest, fact] of foreignFacts(store, below)) facts.set(digest, fact);
  const found = checkClosure(owned.tree, {
    factsOf: (digest) => facts.get(digest) ?? remember(facts, digest, owned, store),
    contents: store,
    owners: owned.owners,
    allow: document.expect.closureAllow,
    path: variable(verification, "PATH"),
    libraryPath: variable(verification, "LD_LIBRARY_PATH"),
    optionalOf: optionalPackages(
      packages.map((item) => readControl(store, item)),
      store,
    ),
  });
  const faults = below === undefined ? found : withoutBase(found, owned.tree, store.readTree(below.flat));
  if (document.expect.closure === "warn") return faults.map(showFault);
  verifyClosure(faults);
  return [];
}

function inBaseNamed(name: string): Parameters<typeof verifyExpectations>[1]["packages"][number] {
  return { name, use: "install", by: ["the base"] };
}

/** What the spec sets, else what the image inherits. */
function variable({ document, env = [] }: Verification, name: string): string | undefined {
  const own = document.config.env?.[name];
  return own ?? env.find((item) => item.startsWith(`${name}=`))?.slice(name.length + 1);
}

/** What is wrong with files of a base was so before we came: only files that are new or changed count. */
function withoutBase(faults: readonly ClosureFault[], tree: Tree, base: Tree): readonly ClosureFault[] {
  if (faults.length === 0) return faults;
  const before = contentsByPath(base);
  const after = contentsByPath(tree);
  return faults.filter(({ path }) => before.get(path) === undefined || before.get(path) !== after.get(path));
}

function contentsByPath(tree: Tree): ReadonlyMap<ImagePath, Digest> {
  return new Map(tree.flatMap((entry) => (entry.type === "file" ? [[entry.path, entry.content] as const] : [])));
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
    const owner = owned.owners.get(entry.path) ?? "@";
    if (entry.type === "file" && owner.startsWith("@") && owner !== baseOwner) contents.add(entry.content);
  }
  known.set(owned, contents);
  return contents;
}
