// SPDX-License-Identifier: Apache-2.0
import { chmodSync, readdirSync, realpathSync, statSync, utimesSync } from "node:fs";

import { AshlarError, type Digest, isSystemError } from "../base/index.ts";
import type { Tree } from "../formats/index.ts";
import { inCheckoutPlace } from "./checkout-place.ts";
import { type CheckoutRecord, type CheckoutRecords, identityOf, isSameDir } from "./checkout-record.ts";
import { EntryMaker, verifyDevices } from "./entry-maker.ts";
import type { Placer } from "./file-placer.ts";
import type { LinkedEntry } from "./link-farm.ts";
import { verifyNoMounts } from "./mounts.ts";
import { removeEntry } from "./remove-tree.ts";
import type { CheckoutMode, CheckoutOptions, CheckoutReport } from "./store.ts";
import { sortOut, type TreeParts } from "./tree-parts.ts";
import { Update } from "./update.ts";

/** What a checkout needs of its store. */
export interface CheckoutHost {
  readTree(digest: Digest): Tree;
  /** Decides once how files get into a directory. */
  chooseMode(wanted: CheckoutOptions["mode"], dir: string): CheckoutMode;
  placerFor(mode: CheckoutMode, request: PlacerRequest): Placer;
  readonly records: CheckoutRecords;
  /** Inodes that are links of this file or symlink. */
  inodesOf(entry: LinkedEntry): ReadonlySet<string>;
  readPlan(tree: Digest): TreeParts | undefined;
  writePlan(tree: Digest, parts: TreeParts): void;
}

export interface PlacerRequest {
  readonly above?: Tree | undefined;
  /** The tree that is checked out; it is asked for where `above` is there. */
  readonly tree: () => Tree;
  /** Inodes that the directory has already. */
  readonly taken?: ReadonlySet<string>;
}

export interface CheckoutRequest {
  readonly wanted: Tree | Digest;
  readonly dir: string;
  readonly options: CheckoutOptions;
}

/** Makes `dir` the file system that a tree describes, or turns a checkout into it. What failed is taken away again. */
export function runCheckout(host: CheckoutHost, { wanted, dir, options }: CheckoutRequest): CheckoutReport {
  try {
    return inCheckoutPlace(dir, (at) => {
      const isEmpty = readdirSync(at).length === 0;
      if (options.update === true && !isEmpty) return updateDir(host, { wanted, dir: at, options });
      if (isEmpty) return makeDir(host, { wanted, dir: at, options });
      const state = "not empty, want a new directory";
      throw new AshlarError("STORE_CHECKOUT_NOT_EMPTY", `Cannot check out to "${dir}": ${state}`, {
        hint: "name a directory that does not exist yet, or with --update one that `ashlar checkout` made",
      });
    });
  } catch (error) {
    throw checkoutFault(error, dir);
  }
}

/** Remembered before anything is made, so that an update can finish what a crash left. */
function makeDir(host: CheckoutHost, request: CheckoutRequest): CheckoutReport {
  const { wanted, dir } = request;
  const record = typeof wanted === "string" ? newRecord(dir, wanted) : undefined;
  try {
    if (record !== undefined) host.records.write(record);
    const report = makeEntries(host, request);
    if (record !== undefined) host.records.write(finishRecord({ ...record, mode: report.mode }, dir));
    return report;
  } catch (error) {
    removeMade(dir);
    if (record !== undefined) host.records.remove(record.dir);
    throw error;
  }
}

function newRecord(dir: string, tree: Digest): CheckoutRecord {
  const real = realpathSync(dir);
  return { dir: real, ...identityOf(statSync(dir, { bigint: true })), mode: "copy", tree, finishedNs: "0" };
}

function makeEntries(host: CheckoutHost, { wanted, dir, options }: CheckoutRequest): CheckoutReport {
  const mode = host.chooseMode(options.mode, dir);
  const digest = typeof wanted === "string" && mode === "link" ? wanted : undefined;
  const planned = digest === undefined ? undefined : host.readPlan(digest);
  const tree = (): Tree => (typeof wanted === "string" ? host.readTree(wanted) : wanted);
  const parts = planned ?? sortOut(tree());
  verifyDevices(parts, options.devices);
  // Others have no business in it before it is whole.
  chmodSync(dir, 0o700);
  const placer = host.placerFor(mode, { tree, above: options.above });
  const maker = new EntryMaker(dir, { placer, devices: options.devices });
  maker.finishDirs(parts.dirs, maker.make(parts));
  maker.finishRoot();
  if (digest !== undefined && planned === undefined) host.writePlan(digest, parts);
  return { mode, skipped: maker.skipped };
}

/** Waits until the file system's clock has moved on: what changes from now on is later than the checkout. */
function finishRecord(record: CheckoutRecord, dir: string): CheckoutRecord {
  const changedNs = (): bigint => statSync(dir, { bigint: true }).ctimeNs;
  const first = changedNs();
  let last = first;
  // Links are known by their inodes; the clock of some file systems is too coarse to wait for.
  for (let i = 0; record.mode !== "link" && last === first && i < 50; i++) {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    utimesSync(dir, 0, 0);
    last = changedNs();
  }
  return { ...record, finishedNs: last.toString() };
}

/** Takes away what was made; where that fails too, the first error is the one to tell. */
function removeMade(dir: string): void {
  try {
    for (const name of readdirSync(dir, { encoding: "buffer" })) {
      removeEntry(Buffer.concat([Buffer.from(`${dir}/`), name]));
    }
  } catch (error) {
    if (!isSystemError(error, "EACCES", "EPERM", "ENOENT", "EIO", "EROFS")) throw error;
  }
}

/** What an interrupted update leaves, the next one finishes: until then nothing but links is trusted. */
function updateDir(host: CheckoutHost, { wanted, dir, options }: CheckoutRequest): CheckoutReport {
  if (typeof wanted !== "string") throw new Error("internal error: only a tree with a digest can be updated to");
  const real = realpathSync(dir);
  const known = host.records.read(real);
  if (known === undefined || !isSameDir(known, statSync(dir, { bigint: true }))) {
    throw new AshlarError("STORE_CHECKOUT_UNKNOWN", `Cannot update "${dir}": it is no checkout that this store made`, {
      hint: "check out to a new directory, then change over to it",
    });
  }
  // What is mounted there would be emptied.
  verifyNoMounts(real);
  const tree = host.readTree(wanted);
  const parts = sortOut(tree);
  verifyDevices(parts, options.devices);
  const mode = host.chooseMode(options.mode, dir);
  const update = new Update(host, { dir, known, mode, devices: options.devices });
  chmodSync(dir, 0o700);
  const record = { ...known, mode, tree: wanted, finishedNs: "0" };
  host.records.write({ ...known, finishedNs: "0" });
  const report = update.run(tree, parts);
  host.records.write(finishRecord(record, dir));
  return report;
}

function checkoutFault(error: unknown, dir: string): unknown {
  if (!(error instanceof Error) || !("syscall" in error)) return error;
  const hint = isSystemError(error, "ENOSPC", "EDQUOT") ? "free space there; what was made is taken away" : undefined;
  return new AshlarError("STORE_CHECKOUT_FAILED", `Cannot check out to "${dir}": ${error.message}`, {
    hint,
    cause: error,
  });
}
