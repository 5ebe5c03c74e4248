// SPDX-License-Identifier: Apache-2.0
import { rmSync, statSync, utimesSync } from "node:fs";

import { AshlarError, type Digest, isSystemError } from "../base/index.ts";
import { type HeldLock, lockFile } from "./file-lock.ts";
import { type Layout, makeDirs, makeEmptyFile } from "./layout.ts";
import { lockHolders } from "./lock-holders.ts";
import type { FetchTurn, Lease } from "./store.ts";
import { onDisk } from "./system-fault.ts";

/** A collection of garbage that goes on is waited for this long. */
const leaseWaitMs = 300_000;

/** Takes the shared side of the lease lock. Throws `STORE_BUSY`. */
export function lockShared({ leaseLock }: Layout, waitMs = leaseWaitMs): HeldLock {
  const lock = lockFile(leaseLock, "shared", waitMs);
  if (lock !== undefined) return lock;
  throw new AshlarError("STORE_BUSY", "Cannot use the store: garbage is being collected, want it finished", {
    because: holdersOf(leaseLock),
    hint: "wait for `ashlar store gc` to end",
  });
}

/** The part of a wait for the exclusive side in which others are let in, and how often it is tried then. */
const politeShare = 0.75;
const attemptMs = 20;

/**
 * Takes the exclusive side of the lease lock to do `what`. Keeps new leases out only in the last quarter of the wait:
 * before, it looks again and again whether there is none. Throws `STORE_BUSY`.
 */
export function lockAlone({ leaseLock }: Layout, what: string, waitMs: number): HeldLock {
  const lock = attemptAlone(leaseLock, waitMs);
  if (lock !== undefined) return lock;
  throw new AshlarError("STORE_BUSY", `Cannot ${what}: it is in use, want no build at work`, {
    because: holdersOf(leaseLock),
    hint: "wait for the builds that run to end",
  });
}

function attemptAlone(path: string, waitMs: number): HeldLock | undefined {
  const attempts = Math.floor((waitMs * politeShare) / attemptMs);
  const pause = new Int32Array(new SharedArrayBuffer(4));
  for (let i = 0; i < attempts; i++) {
    const lock = lockFile(path, "exclusive", 0);
    if (lock !== undefined) return lock;
    Atomics.wait(pause, 0, 0, attemptMs);
  }
  return lockFile(path, "exclusive", Math.ceil(waitMs - attempts * attemptMs));
}

/** The error of wanting the store alone while this process itself holds a lease: waiting would never end. */
export function leasedByUs(what: string): AshlarError {
  const state = "this process uses it itself, want no build at work";
  return new AshlarError("STORE_BUSY", `Cannot ${what}: ${state}`, { hint: "wait for the builds that run to end" });
}

function holdersOf(path: string): string[] {
  const holders = lockHolders(path);
  return holders.length > 0 ? holders : ["who holds it is another user's, or in another container"];
}

/** How long making or rebuilding the databases, and a change of refs, is waited for. */
const setupWaitMs = 120_000;

/** Runs a step on the databases that only one process does at a time. Throws `STORE_BUSY`. */
export function alone<T>({ setupLock }: Layout, step: () => T, waitMs = setupWaitMs): T {
  const lock = lockFile(setupLock, "exclusive", waitMs);
  if (lock === undefined) {
    throw new AshlarError("STORE_BUSY", "Cannot use the store: its databases are being made for minutes already", {
      because: holdersOf(setupLock),
      hint: "wait for that process to end, or end it: the next one makes the index anew",
    });
  }
  try {
    return step();
  } finally {
    lock.release();
  }
}

/** Takes a turn that keeps its lease; without the turn the lease ends. */
export function heldTurn(take: () => FetchTurn, lease: Lease): FetchTurn {
  let turn: FetchTurn | undefined;
  try {
    turn = take();
  } finally {
    if (turn?.kind !== "ours") lease.release();
  }
  return turn.kind === "ours" ? { ...turn, release: () => (turn.release(), lease.release()) } : turn;
}

/** How often who fetches shows that it lives. */
const beatMsDefault = 10_000;

/** Takes the sole right to fetch what has this digest, or says who has it. */
export function lockFetch(layout: Layout, digest: Digest, beatMs = beatMsDefault): FetchTurn {
  const path = layout.fetchLock(digest);
  onDisk("lock the store", () => {
    makeDirs(layout.fetching, layout.rights.dir);
    makeEmptyFile(path, layout.rights.file);
  });
  const lock = lockFile(path, "sole", 0);
  if (lock === undefined) return { kind: "elsewhere", beat: beatOf(path), holders: () => holdersOf(path) };
  let beat = 0;
  // Takes over the file of another member who had the turn before.
  if (layout.isShared) showBeat(layout, path, ++beat);
  const timer = setInterval(() => showBeat(layout, path, ++beat), beatMs);
  timer.unref();
  return {
    kind: "ours",
    release() {
      clearInterval(timer);
      lock.release();
    },
  };
}

/**
 * Puts a count that goes up into the time of a file beside the lock, so that a holder who was stopped can be told from
 * one who works, without a clock. A file of its own, as only its owner may set its time, and a lock in a shared store
 * may be another member's. It is a sign for others only: nothing of ours fails for want of it.
 */
function showBeat(layout: Layout, path: string, beat: number): void {
  const file = beatFile(path);
  try {
    if (beat === 1) {
      rmSync(file, { force: true });
      makeEmptyFile(file, layout.rights.file);
    }
    utimesSync(file, beat, beat);
  } catch (error) {
    if (!(error instanceof Error && "syscall" in error)) throw error;
  }
}

function beatOf(path: string): number {
  try {
    return statSync(beatFile(path)).mtimeMs;
  } catch (error) {
    if (isSystemError(error, "ENOENT")) return 0;
    throw error;
  }
}

function beatFile(path: string): string {
  return `${path}.beat`;
}
