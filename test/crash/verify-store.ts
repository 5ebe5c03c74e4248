// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";

import { type Digest, emptyDigest } from "../../src/base/index.ts";
import { loadCompressor } from "../../src/formats/index.ts";
import { openStore, type Reaches, type Store } from "../../src/store/index.ts";

/** What a store holds after a last collection of garbage. */
export interface Leftover {
  readonly refs: number;
  readonly contents: number;
  readonly contentBytes: number;
  readonly packBytes: number;
}

/**
 * Proves a store after its processes have ended: every byte of it is sound, and after a collection of garbage it holds
 * exactly what its refs reach, by a count that is not gc's own.
 */
export async function verifyStore(dir: string): Promise<Leftover> {
  const store = openStore(dir, { compressor: await loadCompressor() });
  try {
    assert.deepEqual(store.fsck({ full: true }).faults, []);
    store.gc({});
    assert.deepEqual(store.fsck({ full: true }).faults, []);
    const reached = reachable(store);
    const held = Array.from({ length: 256 }, (_, i) => store.withPrefix(i.toString(16).padStart(2, "0"))).flat();
    assert.deepEqual(held.toSorted(), [...reached].sort());
    const { contentBytes, packBytes } = store.stats();
    for (const name of ["tmp", "downloads/sha256", "fetching", "roots"]) assert.deepEqual(namesIn(join(dir, name)), []);
    return { refs: store.listRefs().length, contents: held.length, contentBytes, packBytes };
  } finally {
    store.close();
  }
}

/** Files below a directory. */
function namesIn(dir: string): string[] {
  try {
    const entries = readdirSync(dir, { recursive: true, withFileTypes: true });
    return entries.filter((entry) => !entry.isDirectory()).map(({ name }) => name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

function reachable(store: Store): ReadonlySet<Digest> {
  const reached = new Set<Digest>();
  const add = (digest: Digest): boolean => {
    if (digest === emptyDigest || reached.has(digest)) return false;
    reached.add(digest);
    return true;
  };
  const trees = new Set<Digest>();
  const records = new Set<Digest>();
  const walk = ({ contents = [], trees: more = [], records: others = [] }: Reaches): void => {
    for (const digest of contents) add(digest);
    for (const digest of more) {
      add(digest);
      if (trees.has(digest)) continue;
      trees.add(digest);
      for (const entry of store.readTree(digest)) if (entry.type === "file") add(entry.content);
    }
    for (const digest of others) {
      add(digest);
      if (records.has(digest)) continue;
      records.add(digest);
      walk(store.readRecord(digest).reaches);
    }
  };
  walk({ records: store.listRefs().map(({ target }) => target) });
  return reached;
}
