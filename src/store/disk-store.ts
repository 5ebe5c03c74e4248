// SPDX-License-Identifier: Apache-2.0
import { realpathSync } from "node:fs";

import type { Digest } from "../base/index.ts";
import type { Compressor, Tree } from "../formats/index.ts";
import { AdoptedFile } from "./adopted-file.ts";
import { Adoption } from "./adopted-files.ts";
import type { CheckoutHost } from "./checkout.ts";
import { diskCheckouts } from "./disk-checkouts.ts";
import type { HeldLock } from "./file-lock.ts";
import { FoundCache } from "./found-cache.ts";
import { framePack, madeElsewhere } from "./frame-pack.ts";
import { fsckDisk } from "./fsck.ts";
import type { FsckOptions, FsckReport } from "./fsck-report.ts";
import type { GcOptions, GcReport } from "./gc-report.ts";
import { gcDisk } from "./gc.ts";
import type { IndexDatabase } from "./index-database.ts";
import { keepRoot } from "./kept-roots.ts";
import { type Layout } from "./layout.ts";
import { migrate } from "./migrate.ts";
import { type OldDirectory, openLayout } from "./open-layout.ts";
import { PackBuilder } from "./pack-builder.ts";
import { PackFileOutput } from "./pack-file.ts";
import type { JoinedContent } from "./pack-format.ts";
import { PackReader } from "./pack-reader.ts";
import { measureStore, sizesIn } from "./measure-store.ts";
import { openIndex, renewIndex } from "./recover.ts";
import { Refs } from "./refs.ts";
import { verifyRoom } from "./reserve.ts";
import { type Found, StoreBase, type StoredAction } from "./store-base.ts";
import { alone, leasedByUs, lockAlone, heldTurn, lockFetch, lockShared } from "./store-lock.ts";
import { onDisk } from "./system-fault.ts";
import type {
  ContentSize, FetchTurn, FramePackWriter, Lease, PackWriter, Ref, Store, StoreStats,
} from "./store.ts";

export interface OpenOptions {
  /** Needed to write contents; reading does without, and starts sooner. */
  readonly compressor?: Compressor;
  /** Whose the store is where it is not this process's: root looking at one that it made for another user. */
  readonly uid?: number;
  /** How many names an inode of `links` may have; absent: what the file system allows. For tests. */
  readonly linkCountMax?: number;
  /** Give up the store's reserve where the disk is full; for what frees room. */
  readonly makesRoom?: boolean;
  /** Told what was damaged or lost and is put right already, in a sentence. */
  readonly onRecover?: (what: string) => void;
}

/**
 * Opens the store in `dir`, making it where there is none. Several processes and threads may have it open.
 * Throws `STORE_ACCESS` and what `openLayout` throws.
 */
export function openStore(dir: string, options: OpenOptions = {}): Store {
  const { layout, older } = openLayout(dir, options);
  verifyRoom(layout);
  const store = new DiskStore(layout, options);
  if (older.length > 0) bringUp(store, layout, older);
  return store;
}

function bringUp(store: Store, layout: Layout, older: readonly OldDirectory[]): void {
  const lease = store.lease();
  try {
    migrate(layout, older);
  } catch (error) {
    store.close();
    throw error;
  } finally {
    lease.release();
  }
}

class DiskStore extends StoreBase {
  readonly tmpDir: string;
  readonly adopted: Adoption;
  protected readonly checkouts: CheckoutHost;
  protected override readonly doubtsFrames: boolean;
  readonly #layout: Layout;
  readonly #onRecover: (what: string) => void;
  #index: IndexDatabase;
  readonly #reader: PackReader;
  readonly #refs: Refs;
  readonly #adoptedFile: AdoptedFile;
  #leaseLock: HeldLock | undefined;
  #leaseCount = 0;
  /** Where contents lie; valid as long as a lease is held. */
  readonly #found = new FoundCache();
  /** Not while all of the store is looked at, each thing once. */
  #remembersFound = true;

  constructor(layout: Layout, options: OpenOptions) {
    super(options.compressor);
    this.tmpDir = layout.tmp;
    this.#layout = layout;
    const onRecover = options.onRecover ?? ((): void => {});
    this.#onRecover = onRecover;
    this.#index = openIndex(layout, { onRecover, isLeased: false });
    this.doubtsFrames = layout.isShared;
    this.#reader = new PackReader(layout);
    this.#refs = new Refs({ layout, alone: (step) => alone(layout, step), onRecover });
    const file = new AdoptedFile(layout.adopted, (step) => alone(layout, step));
    this.#adoptedFile = file;
    this.adopted = new Adoption({ open: (make) => file.open(make), storeDir: realpathSync(layout.dir) });
    this.checkouts = diskCheckouts({
      layout,
      readTree: (digest) => this.readTree(digest),
      readContent: (digest) => this.stream(digest),
      linkCountMax: options.linkCountMax,
    });
  }

  /** While a lease is held nothing moves, so what was found once need not be looked up again. */
  protected override find(digest: Digest): Found | undefined {
    if (this.#leaseCount === 0 || !this.#remembersFound) return super.find(digest);
    return this.#found.get(digest, () => super.find(digest));
  }

  protected override look(digest: Digest): Found | JoinedContent | undefined {
    const location = this.#index.locate(digest);
    if (location === undefined) return undefined;
    if ("join" in location) return location.join;
    const { pack, content } = location;
    return {
      content,
      compressor: pack.compressor,
      read: (offset, length) => this.#reader.read(pack, content.offset + offset, length),
    };
  }

  override withPrefix(hex: string): readonly Digest[] {
    return this.#index.withPrefix(hex);
  }

  override beginPack(): PackWriter {
    if (this.compressor === undefined) throw new Error("internal error: the store was opened without a compressor");
    return this.#packBuilder(this.compressor);
  }

  override beginFramePack(compressor: string): FramePackWriter {
    return framePack(this.#packBuilder(madeElsewhere(compressor)));
  }

  #packBuilder(compressor: Compressor): PackBuilder {
    // A content that is left out because it is here must still be here when the pack is committed.
    const lease = this.lease();
    const output = new PackFileOutput(this.#layout, (pack) => {
      this.#change((index) => index.transaction(() => index.addPack(pack)));
    });
    return new PackBuilder({ compressor, output, find: (digest) => this.info(digest), onEnd: () => lease.release() });
  }

  protected override loadAction(key: Digest): { readonly value: string; readonly reaches: string } | undefined {
    return this.#index.actions.get(key);
  }

  protected override saveAction(action: StoredAction): void {
    this.#change((index) => index.actions.put(action));
  }

  /**
   * Changes the index that others see: another process may make it anew beside us, and lists the packs when the new
   * one is in its place. If ours is still there after the change, our pack was before the listing; if not, the new one
   * gets the change as well.
   */
  #change(step: (index: IndexDatabase) => void): void {
    do step(this.#index);
    while (this.#followIndex());
  }

  override getRef(name: string): Digest | undefined {
    return this.#refs.get(name)?.target;
  }

  override getRefOrigin(name: string): readonly string[] | undefined {
    return this.#refs.get(name)?.origin;
  }

  protected override saveRef(ref: Ref, from?: Digest): boolean {
    return this.#refs.set(ref, from);
  }

  override deleteRef(name: string): boolean {
    return this.#refs.delete(name);
  }

  override listRefs(): readonly Ref[] {
    return this.#refs.list();
  }

  override lease({ waitMs }: { readonly waitMs?: number } = {}): Lease {
    if (this.#leaseCount === 0) this.#leaseLock = lockShared(this.#layout, waitMs);
    this.#leaseCount++;
    let held = true;
    const release = (): void => {
      if (!held) return;
      held = false;
      this.#leaseCount--;
      if (this.#leaseCount > 0) return;
      this.#found.clear();
      this.#leaseLock?.release();
    };
    try {
      this.#followIndex();
    } catch (error) {
      release();
      throw error;
    }
    return { release };
  }

  /** Goes over to the index that another process made anew, and tells whether there was one. */
  #followIndex(isLeased = this.#leaseCount > 0): boolean {
    if (!onDisk("open the store's index", () => this.#index.isReplaced)) return false;
    const index = openIndex(this.#layout, { onRecover: this.#onRecover, isLeased });
    this.#index.close();
    this.#index = index;
    this.#found.clear();
    return true;
  }

  override keepCheckout(tree: Digest): string {
    const readTree = (): Tree => this.readTree(tree);
    const checkOut = (dir: string): void => void this.checkout(readTree(), dir, { mode: "link" });
    return onDisk("keep a checkout in the store", () => keepRoot(this.#layout, tree, { readTree, checkOut }));
  }

  override downloadPath(digest: Digest): string {
    return this.#layout.download(digest);
  }

  override beginFetch(digest: Digest): FetchTurn {
    const lease = this.lease();
    return heldTurn(() => lockFetch(this.#layout, digest), lease);
  }

  override gc(options: GcOptions): GcReport {
    const what = "collect garbage in the store";
    if (this.#leaseCount > 0 && options.dryRun !== true) throw leasedByUs(what);
    const parts = {
      layout: this.#layout,
      refs: this.#refs,
      index: () => this.#index,
      isReplaced: () => this.#index.isReplaced,
      alone: () => this.#lockAlone(what, options.waitMs ?? 0),
    };
    this.#remembersFound = false;
    try {
      return onDisk(what, () => gcDisk(this, parts, options));
    } finally {
      this.#remembersFound = true;
      this.#reader.close();
    }
  }

  override fsck(options: FsckOptions): FsckReport {
    // Repair removes packs, as gc does; looking needs only that nobody else does.
    const lock = options.repair === true ? this.#lockAlone("repair the store", 0) : this.lease();
    this.#remembersFound = false;
    try {
      if (options.repair === true) this.#followIndex(true);
      const renew = (): IndexDatabase => {
        this.#index.close();
        return (this.#index = renewIndex(this.#layout));
      };
      const [layout, index] = [this.#layout, this.#index];
      const parts = { layout, index, renewIndex: renew, refs: this.#refs, adopted: this.#adoptedFile };
      return onDisk("check the store", () => fsckDisk(this, parts, options));
    } finally {
      this.#remembersFound = true;
      lock.release();
      // Packs may be gone, or new under an old name.
      if (options.repair === true) this.#reader.close();
    }
  }

  #lockAlone(what: string, waitMs: number): HeldLock {
    if (this.#leaseCount > 0) throw leasedByUs(what);
    return lockAlone(this.#layout, what, waitMs);
  }

  override sizes(): Iterable<ContentSize> {
    return sizesIn(this.#index);
  }

  override stats(): StoreStats {
    return onDisk("measure the store", () => measureStore(this, { layout: this.#layout, index: this.#index }));
  }

  override close(): void {
    this.#leaseLock?.release();
    this.#reader.close();
    this.#index.close();
    this.#refs.close();
    this.#adoptedFile.close();
  }
}
