// SPDX-License-Identifier: Apache-2.0
import { existsSync, realpathSync } from "node:fs";

import type { Digest } from "../base/index.ts";
import type { Compressor } from "../formats/index.ts";
import { AdoptedDatabase } from "./adopted-database.ts";
import { Adoption } from "./adopted-files.ts";
import type { CheckoutHost } from "./checkout.ts";
import { removeDatabase } from "./database-file.ts";
import { diskCheckouts } from "./disk-checkouts.ts";
import { diskUseBelow, diskUseOf } from "./disk-use.ts";
import type { HeldLock } from "./file-lock.ts";
import { framePack, madeElsewhere } from "./frame-pack.ts";
import { fsckDisk } from "./fsck.ts";
import { gcDisk } from "./gc.ts";
import type { IndexDatabase } from "./index-database.ts";
import { keepRoot } from "./kept-roots.ts";
import { filesBelow, type Layout, makeEmptyFile } from "./layout.ts";
import { listLinks } from "./link-farm.ts";
import { migrate } from "./migrate.ts";
import { openLayout } from "./open-layout.ts";
import { PackBuilder } from "./pack-builder.ts";
import { PackFileOutput } from "./pack-file.ts";
import type { JoinedContent } from "./pack-format.ts";
import { PackReader } from "./pack-reader.ts";
import { openIndex } from "./recover.ts";
import { RefsDatabase } from "./refs-database.ts";
import { onDisk } from "./system-fault.ts";
import { type Found, StoreBase, type StoredAction } from "./store-base.ts";
import { alone, leasedByUs, lockAlone, lockFetch, lockShared } from "./store-lock.ts";
import type { GcOptions, GcReport } from "./gc-report.ts";
import type {
  FetchTurn,
  FramePackWriter,
  FsckOptions,
  FsckReport,
  Lease,
  PackWriter,
  Ref,
  Store,
  StoreStats,
} from "./store.ts";

export interface OpenOptions {
  /** Needed to write contents; reading does without, and starts sooner. */
  readonly compressor?: Compressor;
  /** Whose the store is where it is not this process's: root looking at one that it made for another user. */
  readonly uid?: number;
  /** How many names an inode of `links` may have; absent: what the file system allows. For tests. */
  readonly linkCountMax?: number;
}

/** Contents whose place is remembered, about 20 MB. */
const foundCountMax = 100_000;

/**
 * Opens the store in `dir`, making it where there is none. Several processes and threads may have it open.
 * Throws `STORE_ACCESS` and what `openLayout` throws.
 */
export function openStore(dir: string, options: OpenOptions = {}): Store {
  const { layout, olderVersion } = openLayout(dir, options.uid);
  const store = new DiskStore(layout, options);
  if (olderVersion !== undefined) bringUp(store, layout, olderVersion);
  return store;
}

function bringUp(store: Store, layout: Layout, from: number): void {
  const lease = store.lease();
  try {
    migrate(layout, from);
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
  readonly #index: IndexDatabase;
  readonly #reader: PackReader;
  #refsDatabase: RefsDatabase | undefined;
  #adoptedDatabase: AdoptedDatabase | undefined;
  #leaseLock: HeldLock | undefined;
  #leaseCount = 0;
  /** Where contents lie; valid as long as a lease is held. */
  readonly #found = new Map<Digest, Found>();

  constructor(layout: Layout, options: OpenOptions) {
    super(options.compressor);
    this.tmpDir = layout.tmp;
    this.#layout = layout;
    this.doubtsFrames = layout.isShared;
    this.#index = openIndex(layout);
    this.#reader = new PackReader(layout);
    this.adopted = new Adoption({ open: (make) => this.#openAdopted(make), storeDir: realpathSync(layout.dir) });
    this.checkouts = diskCheckouts({
      layout,
      readTree: (digest) => this.readTree(digest),
      readContent: (digest) => this.stream(digest),
      linkCountMax: options.linkCountMax,
    });
  }

  /** While a lease is held nothing moves, so what was found once need not be looked up again. */
  protected override find(digest: Digest): Found | undefined {
    if (this.#leaseCount === 0) return super.find(digest);
    const known = this.#found.get(digest) ?? super.find(digest);
    if (known !== undefined && this.#found.size < foundCountMax) this.#found.set(digest, known);
    return known;
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
      this.#index.transaction(() => this.#index.addPack(pack));
    });
    return new PackBuilder({ compressor, output, find: (digest) => this.info(digest), onEnd: () => lease.release() });
  }

  protected override loadAction(key: Digest): { readonly value: string; readonly reaches: string } | undefined {
    return this.#index.actions.get(key);
  }

  protected override saveAction(action: StoredAction): void {
    this.#index.actions.put(action);
  }

  /** Opened when first asked for: most of what a build does needs no refs. */
  get #refs(): RefsDatabase {
    if (this.#refsDatabase === undefined) {
      onDisk("read refs", () => makeEmptyFile(this.#layout.refs, this.#layout.rights.file));
    }
    this.#refsDatabase ??= RefsDatabase.open(this.#layout.refs, (step) => alone(this.#layout, step));
    return this.#refsDatabase;
  }

  #openAdopted(make: boolean): AdoptedDatabase | undefined {
    const { adopted: path } = this.#layout;
    this.#adoptedDatabase ??= AdoptedDatabase.open(path);
    if (this.#adoptedDatabase !== undefined || !make) return this.#adoptedDatabase;
    alone(this.#layout, () => (this.#adoptedDatabase = AdoptedDatabase.open(path) ?? AdoptedDatabase.create(path)));
    return this.#adoptedDatabase;
  }

  override getRef(name: string): Digest | undefined {
    return this.#refs.get(name);
  }

  protected override saveRef(name: string, target: Digest): void {
    this.#refs.set(name, target);
  }

  override deleteRef(name: string): boolean {
    return this.#refs.delete(name);
  }

  override listRefs(): readonly Ref[] {
    return this.#refs.list();
  }

  override lease(): Lease {
    if (this.#leaseCount === 0) this.#leaseLock = lockShared(this.#layout);
    this.#leaseCount++;
    let held = true;
    return {
      release: () => {
        if (!held) return;
        held = false;
        this.#leaseCount--;
        if (this.#leaseCount > 0) return;
        this.#found.clear();
        this.#leaseLock?.release();
      },
    };
  }

  override keepCheckout(tree: Digest): string {
    return keepRoot(this.#layout, tree, (dir) => void this.checkout(this.readTree(tree), dir, { mode: "link" }));
  }

  override downloadPath(digest: Digest): string {
    return this.#layout.download(digest);
  }

  override beginFetch(digest: Digest): FetchTurn {
    const lease = this.lease();
    const turn = lockFetch(this.#layout, digest);
    if (turn.kind === "elsewhere") lease.release();
    return turn.kind === "elsewhere" ? turn : { ...turn, release: () => (turn.release(), lease.release()) };
  }

  override gc(options: GcOptions): GcReport {
    const what = "collect garbage in the store";
    if (this.#leaseCount > 0 && options.dryRun !== true) throw leasedByUs(what);
    const alone = (): HeldLock => this.#lockAlone(what, options.waitMs ?? 0);
    try {
      return gcDisk(this, { layout: this.#layout, index: this.#index, alone }, options);
    } finally {
      this.#reader.close();
    }
  }

  override fsck(options: FsckOptions): FsckReport {
    // Repair removes packs, as gc does; looking needs only that nobody else does.
    const lock = options.repair === true ? this.#lockAlone("repair the store", 0) : this.lease();
    try {
      const adopted = { faults: () => this.#adoptedFaults(), drop: () => this.#dropAdopted() };
      const parts = { layout: this.#layout, index: this.#index, refFaults: () => this.#refs.faults(), adopted };
      return fsckDisk(this, parts, options);
    } finally {
      lock.release();
    }
  }

  #adoptedFaults(): string[] {
    const database = this.#openAdopted(false);
    if (database !== undefined) return database.faults();
    return existsSync(this.#layout.adopted) ? ["it is no sound database of this version"] : [];
  }

  #dropAdopted(): void {
    this.#adoptedDatabase?.close();
    this.#adoptedDatabase = undefined;
    removeDatabase(this.#layout.adopted);
  }

  #lockAlone(what: string, waitMs: number): HeldLock {
    if (this.#leaseCount > 0) throw leasedByUs(what);
    return lockAlone(this.#layout, what, waitMs);
  }

  override stats(): StoreStats {
    const packs = this.#index.packs();
    const links = diskUseOf([...listLinks(this.#layout)].map(({ path }) => path));
    const downloads = diskUseOf(filesBelow(this.#layout.downloads));
    const adopted = this.adopted.list();
    return {
      ...this.#index.counts(),
      packs: packs.length,
      packBytes: packs.reduce((sum, pack) => sum + pack.sizeBytes, 0),
      links: links.count,
      linkBytes: links.bytes,
      downloads: downloads.count,
      downloadBytes: downloads.bytes,
      indexBytes: diskUseOf([this.#layout.index, `${this.#layout.index}-wal`]).bytes,
      diskBytes: diskUseBelow(this.#layout.dirs).bytes,
      refs: this.listRefs().length,
      adopted: adopted.reduce((sum, dir) => sum + dir.files, 0),
      adoptedBytes: adopted.reduce((sum, dir) => sum + dir.bytes, 0),
    };
  }

  override close(): void {
    this.#leaseLock?.release();
    this.#reader.close();
    this.#index.close();
    this.#refsDatabase?.close();
    this.#adoptedDatabase?.close();
  }
}
