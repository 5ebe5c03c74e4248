// SPDX-License-Identifier: Apache-2.0
import { DatabaseSync } from "node:sqlite";

import { hasResultCode, storeFault } from "./system-fault.ts";

/** A lock that is held until released, or until its process ends however it ends. */
export interface HeldLock {
  release(): void;
}

/**
 * Takes a lock on a file, shared by many or for one alone, across processes and threads. Waits up to `waitMs`.
 * Returns undefined when it is still taken then.
 *
 * Node has no flock(2). An empty SQLite database in rollback mode gives the same through fcntl(2) locks: the
 * kernel drops them with the process, so there is no stale lock and nothing to tell dead holders by, also
 * between containers that do not see each other's processes. One who waits for the exclusive side keeps new
 * shared holders out (sqlite.org/lockingv3.html, PENDING), so it is not starved.
 */
export function lockFile(path: string, side: "shared" | "exclusive", waitMs: number): HeldLock | undefined {
  const lock = new DatabaseSync(path, { timeout: waitMs });
  try {
    lock.exec(side === "exclusive" ? "BEGIN EXCLUSIVE" : "BEGIN; SELECT count(*) FROM sqlite_schema");
  } catch (error) {
    lock.close();
    if (hasResultCode(error, 5, 6)) return undefined; // SQLITE_BUSY, SQLITE_LOCKED
    throw storeFault("lock the store", error);
  }
  let held = true;
  return {
    release() {
      if (held) lock.close();
      held = false;
    },
  };
}

/** The part of the wait after which others are kept out. */
const politeShare = 0.75;
const attemptMs = 20;

/**
 * Takes the exclusive side as `lockFile` does, but keeps new shared holders out only in the last quarter of the time:
 * before, it looks again and again whether nobody holds it.
 */
export function lockAlone(path: string, waitMs: number): HeldLock | undefined {
  const attempts = Math.floor((waitMs * politeShare) / attemptMs);
  const pause = new Int32Array(new SharedArrayBuffer(4));
  for (let i = 0; i < attempts; i++) {
    const lock = lockFile(path, "exclusive", 0);
    if (lock !== undefined) return lock;
    Atomics.wait(pause, 0, 0, attemptMs);
  }
  return lockFile(path, "exclusive", Math.ceil(waitMs - attempts * attemptMs));
}
