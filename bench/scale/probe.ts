// SPDX-License-Identifier: Apache-2.0
import { rmSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

import type { Digest } from "../../src/base/index.ts";
import { type GcPhase, openStore } from "../../src/store/index.ts";

/** What no command does by itself: `VERB STORE`, the result a line of JSON. */
const [verb = "", dir = ""] = process.argv.slice(2);
const verbs: Readonly<Record<string, () => object>> = {
  /** As after a crash of the machine: another run of the kernel, so all is compared. */
  reopen() {
    const index = new DatabaseSync(join(dir, "index.sqlite"));
    index.exec("UPDATE meta SET value = 'an earlier one' WHERE name = 'boot'");
    index.close();
    return opened();
  },
  rebuild() {
    for (const suffix of ["", "-wal", "-shm"]) rmSync(join(dir, `index.sqlite${suffix}`), { force: true });
    return opened();
  },
  find() {
    const store = openStore(dir);
    const found = store.withPrefix("00").filter((_, i) => i % 7 === 0).slice(0, 500);
    const start = performance.now();
    const hits = found.filter((digest) => store.withPrefix(digest.slice(7, 23)).includes(digest as Digest));
    const microseconds = ((performance.now() - start) / Math.max(1, found.length)) * 1000;
    store.close();
    return { microseconds, isAll: hits.length === found.length };
  },
  /** How long each part of gc takes. */
  gc() {
    const store = openStore(dir);
    const ms: Partial<Record<GcPhase, number>> = {};
    let phase: GcPhase | undefined;
    let since = 0;
    const next = (to: GcPhase | undefined): void => {
      const now = performance.now();
      if (phase !== undefined) ms[phase] = Math.round(now - since);
      [phase, since] = [to, now];
    };
    const { removedContents } = store.gc({ waitMs: 60_000, onPhase: next });
    next(undefined);
    store.close();
    return { ...ms, removedContents };
  },
};

function opened(): object {
  const start = performance.now();
  const store = openStore(dir);
  const ms = Math.round(performance.now() - start);
  store.close();
  return { ms };
}

console.log(JSON.stringify(verbs[verb]?.()));
