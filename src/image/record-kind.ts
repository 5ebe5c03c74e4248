// SPDX-License-Identifier: Apache-2.0
import { AshlarError, type Digest } from "../base/index.ts";
import type { Store } from "../store/index.ts";

/** The kind that a record says it is of. */
export function recordKind(store: Store, digest: Digest): unknown {
  return (store.readRecord(digest).value as { kind?: unknown } | null)?.kind;
}

/** Reads a record of one kind. Throws `BUILD_RECORD_INVALID`. */
export function readKind(store: Store, digest: Digest, kind: string): unknown {
  const found = recordKind(store, digest);
  if (found === kind) return store.readRecord(digest).value;
  throw new AshlarError(
    "BUILD_RECORD_INVALID",
    `Cannot read record ${digest}: kind ${JSON.stringify(found)}, want "${kind}"`,
  );
}
