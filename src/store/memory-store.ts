// SPDX-License-Identifier: Apache-2.0
import { existsSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { AshlarError, type Digest, digestBytes, hexOf } from "../base/index.ts";
import type { Compressor } from "../formats/index.ts";
import { plainFrame } from "../formats/stored/index.ts";
import { AdoptedDatabase } from "./adopted-database.ts";
import { Adoption } from "./adopted-files.ts";
import type { CheckoutHost } from "./checkout.ts";
import { memoryRecords } from "./checkout-record.ts";
import { copyPlacer } from "./file-placer.ts";
import { framePack, madeElsewhere } from "./frame-pack.ts";
import type { FsckFault, FsckOptions, FsckReport } from "./fsck-report.ts";
import { GcMarks } from "./gc-mark.ts";
import { addTo, newAmount } from "./gc-plan.ts";
import type { GcOptions, GcReport } from "./gc-report.ts";
import { PackBuilder, type PackOutput } from "./pack-builder.ts";
import { type JoinedContent, packHeaderBytes, storedBytesOf } from "./pack-format.ts";
import { ReachMarker, type ReachSource } from "./reach.ts";
import { removeTree } from "./remove-tree.ts";
import { type Found, StoreBase, type StoredAction } from "./store-base.ts";
import type {
  ContentSize,
  FetchTurn,
  FramePackWriter,
  Lease,
  PackWriter,
  Ref,
  Store,
  StoreStats,
} from "./store.ts";

/** Frames without compression: a twin for tests needs no WebAssembly. */
const plainCompressor: Compressor = { id: "plain", compress: plainFrame };

/** The store's twin in memory, for tests; a checkout always has files of its own. */
export function memoryStore(options: { readonly compressor?: Compressor } = {}): Store {
  return new MemoryStore(options.compressor ?? plainCompressor);
}

class MemoryStore extends StoreBase {
  readonly #contents = new Map<Digest, Found>();
  readonly #joins = new Map<Digest, JoinedContent>();
  readonly #actions = new Map<Digest, StoredAction>();
  readonly #refs = new Map<string, Ref>();
  #adoptedDatabase: AdoptedDatabase | undefined;
  readonly adopted = new Adoption({
    open: () => (this.#adoptedDatabase ??= AdoptedDatabase.create(":memory:")),
    storeDir: "/nowhere/store",
  });
  #tmpDir: string | undefined;
  #leases = 0;
  readonly #fetching = new Set<Digest>();

  protected override look(digest: Digest): Found | JoinedContent | undefined {
    return this.#contents.get(digest) ?? this.#joins.get(digest);
  }

  override withPrefix(hex: string): readonly Digest[] {
    const digests = [...this.#contents.keys(), ...this.#joins.keys()];
    return digests.filter((digest) => hexOf(digest).startsWith(hex)).sort();
  }

  override beginPack(): PackWriter {
    return this.#packBuilder(this.compressor as Compressor);
  }

  override beginFramePack(compressor: string): FramePackWriter {
    return framePack(this.#packBuilder(madeElsewhere(compressor)));
  }

  #packBuilder(compressor: Compressor): PackBuilder {
    const lease = this.lease();
    const output = memoryOutput({
      content: (digest, found) => {
        if (!this.#contents.has(digest)) this.#contents.set(digest, found);
        this.#joins.delete(digest);
      },
      join: (join) => {
        if (!this.#contents.has(join.digest)) this.#joins.set(join.digest, join);
      },
    });
    return new PackBuilder({ compressor, output, find: (digest) => this.info(digest), onEnd: () => lease.release() });
  }

  protected override loadAction(key: Digest): StoredAction | undefined {
    return this.#actions.get(key);
  }

  protected override saveAction(action: StoredAction): void {
    this.#actions.set(action.key, action);
  }

  override getRef(name: string): Digest | undefined {
    return this.#refs.get(name)?.target;
  }

  override getRefOrigin(name: string): readonly string[] | undefined {
    return this.#refs.get(name)?.origin;
  }

  protected override saveRef(ref: Ref, from?: Digest): boolean {
    if (from !== undefined && this.getRef(ref.name) !== from) return false;
    this.#refs.set(ref.name, ref);
    return true;
  }

  override deleteRef(name: string): boolean {
    return this.#refs.delete(name);
  }

  override listRefs(): readonly Ref[] {
    return [...this.#refs.values()].sort((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)));
  }

  override lease(): Lease {
    this.#leases++;
    let held = true;
    return {
      release: () => {
        if (held) this.#leases--;
        held = false;
      },
    };
  }

  protected override readonly checkouts: CheckoutHost = {
    readTree: (digest) => this.readTree(digest),
    chooseMode: () => "copy",
    placerFor: () => copyPlacer((digest) => this.stream(digest)),
    records: memoryRecords(),
    inodesOf: () => new Set(),
    readPlan: () => undefined,
    writePlan: () => {},
  };

  override keepCheckout(tree: Digest): string {
    const dir = join(this.tmpDir, `root-${hexOf(tree)}`);
    if (!existsSync(dir)) this.checkout(this.readTree(tree), dir, { mode: "copy" });
    return dir;
  }

  override get tmpDir(): string {
    this.#tmpDir ??= mkdtempSync(join(tmpdir(), "ashlar-memory-store-"));
    return this.#tmpDir;
  }

  override downloadPath(digest: Digest): string {
    return join(this.tmpDir, hexOf(digest));
  }

  override beginFetch(digest: Digest): FetchTurn {
    if (this.#fetching.has(digest)) return { kind: "elsewhere", beat: 0, holders: () => ["this process"] };
    const lease = this.lease();
    this.#fetching.add(digest);
    return { kind: "ours", release: () => (this.#fetching.delete(digest), lease.release()) };
  }

  override *sizes(): Iterable<ContentSize> {
    for (const { content } of this.#contents.values()) {
      const { digest, sizeBytes } = content;
      yield { digest: digestBytes(digest), rawBytes: sizeBytes, storedBytes: storedBytesOf(content) };
    }
  }

  override stats(): StoreStats {
    const found = [...this.#contents.values()];
    return {
      contents: found.length + this.#joins.size,
      contentBytes: found.reduce((sum, { content }) => sum + content.sizeBytes, 0),
      packs: found.length === 0 ? 0 : 1,
      packBytes: found.reduce((sum, { content }) => sum + storedBytesOf(content), 0),
      ...{ links: 0, linkBytes: 0, downloads: 0, downloadBytes: 0, indexBytes: 0 },
      actions: this.#actions.size,
      refs: this.#refs.size,
      ...{ adopted: 0, adoptedBytes: 0, diskBytes: 0 },
    };
  }

  override gc(options: GcOptions): GcReport {
    if (this.#leases > 0) {
      throw new AshlarError("STORE_BUSY", "Cannot collect garbage in the store: it is in use, want no build at work");
    }
    const marks = new GcMarks(this, this.#source());
    marks.markRefs(options.onRef);
    marks.markPieces(this.#joins.values());
    const actions = [...this.#actions.values()].filter((action) => marks.isDead(action));
    const found = Map.groupBy(this.#contents.values(), ({ content }) => marks.keeps(content.digest));
    const [kept, dead] = [found.get(true) ?? [], found.get(false) ?? []];
    const apart = [...this.#joins.keys()].filter((digest) => !marks.keeps(digest));
    if (options.dryRun !== true) {
      for (const { key } of actions) this.#actions.delete(key);
      for (const { content } of dead) this.#contents.delete(content.digest);
      for (const digest of apart) this.#joins.delete(digest);
    }
    const [contents, byRefs, none] = [newAmount(), newAmount(), newAmount()];
    for (const { content } of dead) addTo(contents, storedBytesOf(content));
    for (const _join of apart) addTo(contents, 0);
    for (const { content } of kept) addTo(byRefs, storedBytesOf(content));
    const derived = { links: none, plans: none, checkouts: none, downloads: none };
    const files = { ...derived, roots: none, quarantine: none, tmp: none };
    return {
      removedContents: contents.count,
      ...{ removedPacks: 0, rewrittenPacks: 0, removedLinks: 0, removedDownloads: 0 },
      removedActions: actions.length,
      freedBytes: contents.bytes,
      removed: { contents, actions: { count: actions.length, bytes: 0 }, packs: none, ...files },
      kept: { refs: this.#refs.size, byRefs, byGrace: none },
    };
  }

  #source(): ReachSource {
    return {
      readRecord: (digest) => this.readRecord(digest),
      readTree: (digest) => this.readTree(digest),
      read: (digest) => this.read(digest),
      piecesOf: (digest) => {
        const join = this.#joins.get(digest);
        return join === undefined ? undefined : Buffer.concat(join.pieces.map((piece) => digestBytes(piece)));
      },
    };
  }

  override fsck(options: FsckOptions): FsckReport {
    const faults: FsckFault[] = [];
    const note = (what: Digest, why: string): void => void faults.push({ kind: "content", what, why, refs: [] });
    const say = (what: Digest, error: unknown): void => note(what, (error as Error).message);
    const onContent = (digest: Digest): void => {
      if (!this.has(digest)) note(digest, this.stateOf(digest));
    };
    const marker = new ReachMarker(this.#source(), { onFault: say, onContent });
    marker.mark({ records: this.listRefs().map((ref) => ref.target) });
    const whole = [...this.#joins.keys()].filter((digest) => this.has(digest));
    for (const digest of options.full ? [...this.#contents.keys(), ...whole] : []) {
      try {
        this.read(digest);
      } catch (error) {
        say(digest, error);
      }
    }
    return { contents: this.stats().contents, packs: this.stats().packs, faults, quarantined: [] };
  }

  override close(): void {
    this.#adoptedDatabase?.close();
    if (this.#tmpDir !== undefined) removeTree(this.#tmpDir);
  }
}

interface Shelves {
  readonly content: (digest: Digest, found: Found) => void;
  readonly join: (join: JoinedContent) => void;
}

function memoryOutput(keep: Shelves): PackOutput {
  let pieces: Uint8Array[] = [new Uint8Array(packHeaderBytes)];
  return {
    append: (bytes) => void pieces.push(Uint8Array.from(bytes)),
    rollback: (offset) => void (pieces = [Buffer.concat(pieces).subarray(0, offset)]),
    discard: () => void (pieces = []),
    commit: (table) => {
      const bytes = Buffer.concat(pieces);
      for (const content of table.contents) {
        const own = bytes.subarray(content.offset, content.offset + storedBytesOf(content));
        keep.content(content.digest, {
          content,
          compressor: table.compressor,
          read: (offset, length) => own.subarray(offset, offset + length),
        });
      }
      table.joins.forEach(keep.join);
    },
  };
}
