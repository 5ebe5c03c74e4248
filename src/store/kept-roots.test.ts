// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import type { Digest } from "../base/index.ts";
import { type Entry, loadCompressor, makeTree, type Tree } from "../formats/index.ts";
import { openStore, type Store } from "./index.ts";
import { keepRoot } from "./kept-roots.ts";
import { Layout } from "./layout.ts";
import { freshDirs } from "./testing/fresh-dir.ts";
import { dirEntry, fileEntry } from "./testing/sample.ts";

const freshDir = freshDirs();
const compressor = await loadCompressor();

interface Rig {
  readonly dir: string;
  readonly store: Store;
  readonly digest: Digest;
  readonly tree: Tree;
  /** A root in which a file is gone. */
  readonly path: string;
}

function changedRoot(): Rig {
  const dir = freshDir();
  const store = openStore(dir, { compressor });
  const tree = makeTree([dirEntry("d"), fileEntry(store, "d/f", Buffer.from("text"))]);
  const digest = store.putTree(tree);
  const path = store.keepCheckout(digest);
  rmSync(join(path, "d/f"));
  return { dir, store, digest, tree, path };
}

/** Runs a step once, when what is in the root was listed and is about to be held against the tree. */
function whileJudged(tree: Tree, step: () => void): Tree {
  let steps = [step];
  return Object.defineProperty([...tree], Symbol.iterator, {
    value: function* (): Generator<Entry> {
      const [first] = steps;
      steps = [];
      first?.();
      yield* tree;
    },
  });
}

function keep({ dir, store, digest, tree }: Rig, meanwhile: () => void): string {
  const readTree = (): Tree => whileJudged(tree, meanwhile);
  const checkOut = (to: string): void => void store.checkout(tree, to, { mode: "link" });
  return keepRoot(new Layout(dir), digest, { readTree, checkOut });
}

test("a changed root that another process made anew meanwhile is not taken away from it", () => {
  const rig = changedRoot();
  let theirs: number | undefined;
  const path = keep(rig, () => {
    theirs = statSync(rig.store.keepCheckout(rig.digest)).ino;
  });
  assert.equal(statSync(path).ino, theirs);
  assert.equal(readFileSync(join(path, "d/f"), "utf8"), "text");
  rig.store.close();
});

test("a root that another process moves away while it is judged is made anew", () => {
  const rig = changedRoot();
  renameSync(rig.path, `${rig.path}-old`);
  rig.store.keepCheckout(rig.digest);
  const path = keep(rig, () => renameSync(rig.path, join(rig.dir, "tmp", "aside")));
  assert.equal(readFileSync(join(path, "d/f"), "utf8"), "text");
  rig.store.close();
});
