// SPDX-License-Identifier: Apache-2.0
import { DatabaseSync } from "node:sqlite";

import { hasResultCode, onDisk, storeFault } from "./system-fault.ts";

/** A lock that is held until released, or until its process ends however it ends. */
export interface HeldLock {
  release(): void;
}

/** Many may hold it "shared" at a time; "exclusive" is for one alone; "sole" is for one of those who want it "sole". */
export type LockSide = "shared" | "exclusive" | "sole";

const beginnings: Readonly<Record<LockSide, string>> = {
  shared: "BEGIN; SELECT count(*) FROM sqlite_schema",
  exclusive: "BEGIN EXCLUSIVE",
  sole: "BEGIN IMMEDIATE",
};

/** A lock lasts however little of it its holder remembers: what nobody refers to is closed at some time. */
const held = new Set<DatabaseSync>();

/**
 * Takes a lock on a file, across processes and threads. Waits up to `waitMs`. Returns undefined when it is still taken
 * then.
 *
 * Node has no flock(2). An empty SQLite database in rollback mode gives the same through fcntl(2) locks: the
 * kernel drops them with the process, so there is no stale lock and nothing to tell dead holders by, also
 * between containers that do not see each other's processes. One who waits for the exclusive side keeps new
 * shared holders out (sqlite.org/lockingv3.html, PENDING), so it is not starved. "sole" is SQLite's RESERVED: of two
 * who try without waiting at the same moment one has it, which the exclusive side does not promise.
 *
 * Nobody may open and close the file in another way: that drops the locks of the whole process (fcntl(2)).
 */
export function lockFile(path: string, side: LockSide, waitMs: number): HeldLock | undefined {
  const lock = onDisk("lock the store", () => new DatabaseSync(path, { timeout: waitMs }));
  try {
    lock.exec(beginnings[side]);
  } catch (error) {
    lock.close();
    if (hasResultCode(error, 5, 6)) return undefined; // SQLITE_BUSY, SQLITE_LOCKED
    throw storeFault("lock the store", error);
  }
  held.add(lock);
  return {
    release() {
      if (held.delete(lock)) lock.close();
    },
  };
}
