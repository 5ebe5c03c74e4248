// SPDX-License-Identifier: Apache-2.0
import { AshlarError } from "../base/index.ts";
import { type Document, documentDigest } from "../spec/index.ts";
import { askedChanges, askedOf } from "./asked.ts";
import type { Lock } from "./lock.ts";

/**
 * Proves that a lock was made for this very document, and says what changed where it was not. `name` is the
 * lock file's, for messages. Throws `LOCK_MISSING`, `LOCK_STALE`.
 */
export function checkLock(document: Document, lock: Lock | undefined, name: string): asserts lock is Lock {
  if (lock === undefined) {
    throw new AshlarError("LOCK_MISSING", `Cannot use lock "${name}": there is none, want one for this spec`, {
      hint: "write it: ashlar lock",
    });
  }
  const want = documentDigest(document);
  if (lock.document === want) return;
  const changes = askedChanges(lock.asked, askedOf(document));
  const because =
    changes.length > 0 ? changes : ["the packages asked for are the same; files, config or the like changed"];
  throw new AshlarError("LOCK_STALE", `Cannot use lock "${name}": it was made for another version of the spec`, {
    hint: "bring it up to date: ashlar lock",
    because,
    details: { expected: want, actual: lock.document },
  });
}
