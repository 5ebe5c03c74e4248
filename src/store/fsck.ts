// SPDX-License-Identifier: Apache-2.0
import { rmSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";

import { AshlarError, type Digest, Hasher, isAshlarError } from "../base/index.ts";
import { type Crc64, crc64, crc64Hex } from "../formats/stored/index.ts";
import { listPlans, planFault } from "./checkout-plan.ts";
import type { IndexDatabase, JoinLocation, Location, PackRow } from "./index-database.ts";
import { measureJoin } from "./joined-content.ts";
import { dropRoots, listRoots, rootFaults } from "./kept-roots.ts";
import { filesBelow, type Layout } from "./layout.ts";
import { listLinks } from "./link-farm.ts";
import { hashFile, linkFault } from "./link-fault.ts";
import { readPackFile } from "./pack-file.ts";
import { type JoinedContent, type PackedContent, storedBytesOf } from "./pack-format.ts";
import { retirePacks } from "./pack-rewrite.ts";
import { PackReader } from "./pack-reader.ts";
import { markReach, ReachSet } from "./reach.ts";
import { alignIndex, listPacks } from "./recover.ts";
import { decodeFrame } from "./store-base.ts";
import type { ContentInfo, FsckOptions, FsckReport, Store } from "./store.ts";

export interface FsckParts {
  readonly layout: Layout;
  readonly index: IndexDatabase;
  /** What is wrong with the database of refs. */
  readonly refFaults: () => readonly string[];
  /** The list of adopted files: what is wrong with it, and how to be rid of it. */
  readonly adopted: { readonly faults: () => readonly string[]; readonly drop: () => void };
}

type Fault = FsckReport["faults"][number];

const rebuildHint = "build or pull the images again that need it";

/** Proves a store on disk. With `repair` the caller holds the exclusive side of the lease lock. */
export function fsckDisk(store: Store, parts: FsckParts, options: FsckOptions): FsckReport {
  const check = new Check(store, parts, options);
  const sound = check.databases();
  if (!sound.index) return check.report();
  check.packs();
  check.joins();
  if (sound.refs) check.reach();
  check.links();
  check.roots();
  check.plans();
  check.downloads();
  return check.report();
}

class Check {
  readonly #store: Store;
  readonly #parts: FsckParts;
  readonly #options: FsckOptions;
  readonly #faults: Fault[] = [];
  #contents = 0;
  #packs = 0;

  constructor(store: Store, parts: FsckParts, options: FsckOptions) {
    this.#store = store;
    this.#parts = parts;
    this.#options = options;
  }

  report(): FsckReport {
    return { contents: this.#contents, packs: this.#packs, faults: this.#faults };
  }

  #say(what: string, why: string, hint?: string): void {
    this.#faults.push(hint === undefined ? { what, why } : { what, why, hint });
  }

  /** Tells which of them can be read at all. */
  databases(): { readonly index: boolean; readonly refs: boolean } {
    const { layout, index, refFaults, adopted } = this.#parts;
    const refs = attempt(refFaults);
    for (const line of refs) this.#say("refs.sqlite", line, "put a copy of it back");
    const listed = attempt(adopted.faults);
    for (const line of listed) this.#say("adopted.sqlite", line, "repair removes it; adopt the directories again");
    if (listed.length > 0 && this.#options.repair === true) adopted.drop();
    const faults = attempt(() => index.faults());
    const hint = `remove "${layout.index}"; it is made again from the packs`;
    for (const line of faults) this.#say("index.sqlite", line, hint);
    return { index: faults.length === 0, refs: refs.length === 0 };
  }

  packs(): void {
    const { layout, index } = this.#parts;
    alignIndex(index, layout, { forget: false });
    const byPack = Map.groupBy(index.locations(), (location) => location.pack.number);
    const joins = Map.groupBy(index.joins(), (location) => location.pack.number);
    const packs = index.packs();
    this.#packs = packs.length;
    const known = new Set(packs.map((pack) => pack.id));
    for (const id of listPacks(layout)) if (!known.has(id)) this.#strayPack(id);
    const reader = new PackReader(layout);
    try {
      packs.forEach((pack, i) => {
        const listed = { contents: byPack.get(pack.number) ?? [], joins: joins.get(pack.number) ?? [] };
        this.#pack(pack, listed, reader);
        this.#options.onProgress?.(i + 1, packs.length);
      });
    } finally {
      reader.close();
    }
  }

  #strayPack(id: Digest): void {
    const path = this.#parts.layout.pack(id);
    const faults = attempt(() => void readPackFile(path, id));
    for (const why of faults) this.#say(path, why, "it is in no use; repair removes it");
    if (this.#options.repair === true) rmSync(path, { force: true });
  }

  #pack(pack: PackRow, listed: Listed, reader: PackReader): void {
    this.#contents += listed.contents.length + listed.joins.length;
    const path = this.#parts.layout.pack(pack.id);
    const before = this.#faults.length;
    const table = new Map<Digest, PackedContent | JoinedContent>();
    const faults = attempt(() => {
      const { contents, joins } = readPackFile(path, pack.id).table;
      for (const content of [...contents, ...joins]) table.set(content.digest, content);
    });
    for (const why of faults) this.#say(path, why, rebuildHint);
    const agrees = (content: PackedContent | JoinedContent): boolean => {
      if (faults.length > 0 || isDeepStrictEqual(table.get(content.digest), content)) return true;
      this.#say(content.digest, `the index and pack "${path}" do not agree on it`, rebuildHint);
      return false;
    };
    const contents = listed.contents.filter(({ content }) => {
      if (!agrees(content)) return false;
      return (!this.#options.full && faults.length === 0) || this.#content(pack, content, reader);
    });
    const joins = listed.joins.filter(({ join }) => agrees(join));
    // Copies that the index does not use: a rebuilt index might.
    if (this.#options.full) {
      const used = new Set(listed.contents.map(({ content }) => content.digest));
      for (const content of table.values()) {
        if ("frames" in content && !used.has(content.digest)) this.#content(pack, content, reader);
      }
    }
    if (this.#faults.length > before && this.#options.repair === true) this.#retire(pack, listed, { contents, joins });
  }

  /** Saves what is sound of a damaged pack and removes it. */
  #retire(pack: PackRow, { contents, joins }: Listed, keep: Listed): void {
    const { layout, index } = this.#parts;
    const sound = new Set<Location | JoinLocation>([...keep.contents, ...keep.joins]);
    const drop = [
      ...contents.filter((location) => !sound.has(location)).map(({ content }) => content.digest),
      ...joins.filter((location) => !sound.has(location)).map(({ join }) => join.digest),
    ];
    const exit = { pack, keep: keep.contents, joins: keep.joins.map(({ join }) => join), drop };
    retirePacks([exit], { layout, index, framesOf: (digest) => this.#store.streamFrames(digest) });
  }

  /**
   * What joined contents are made of. One whose pieces are not here is not here itself, as gc leaves them: only
   * what reaches it is at fault.
   */
  joins(): void {
    const { index } = this.#parts;
    const bad = new Set<Digest>();
    const all = index.joins();
    for (const { join } of all) {
      const info = this.#store.info(join.digest);
      if (info === undefined) continue;
      const faults = attempt(() => verifyJoin(join, info, this.#options.full ? this.#store : undefined));
      for (const why of faults) this.#say(join.digest, why, rebuildHint);
      if (faults.length > 0) bad.add(join.digest);
    }
    if (bad.size === 0 || this.#options.repair !== true) return;
    const contents = Map.groupBy(index.locations(), ({ pack }) => pack.number);
    for (const joins of Map.groupBy(all, ({ pack }) => pack.number).values()) {
      const pack = (joins[0] as JoinLocation).pack;
      const listed = { contents: contents.get(pack.number) ?? [], joins };
      const sound = joins.filter(({ join }) => !bad.has(join.digest));
      if (sound.length < joins.length) this.#retire(pack, listed, { ...listed, joins: sound });
    }
  }

  #content(pack: PackRow, content: PackedContent, reader: PackReader): boolean {
    const faults = attempt(() => verifyContent(pack, content, reader));
    for (const why of faults) this.#say(content.digest, why, rebuildHint);
    return faults.length === 0;
  }

  reach(): void {
    const reached = new ReachSet();
    for (const ref of this.#store.listRefs()) {
      markReach(this.#store, { records: [ref.target] }, reached, (digest, error) => {
        this.#say(digest, `ref "${ref.name}" reaches it: ${messageOf(error)}`, rebuildHint);
      });
    }
    for (const digest of reached.contents) {
      if (reached.trees.has(digest) || reached.records.has(digest) || this.#store.has(digest)) continue;
      const [why = "it is not in the store"] = attempt(() => void this.#store.readFrames(digest));
      this.#say(digest, `a ref reaches it: ${why}`, rebuildHint);
    }
  }

  links(): void {
    for (const { name, path } of listLinks(this.#parts.layout)) {
      const why = linkFault(name, path, { full: this.#options.full, store: this.#store });
      if (why === undefined) continue;
      this.#say(path, why, "somebody wrote into a checkout by links; repair removes the link");
      if (this.#options.repair === true) rmSync(path, { force: true });
    }
  }

  /** Repair takes all away: where a link was bad, its inode is there too. */
  roots(): void {
    const { layout } = this.#parts;
    for (const { tree, path } of listRoots(layout)) {
      const why = attempt(() => [...rootFaults(path, this.#store.readTree(tree))])[0];
      if (why !== undefined) this.#say(path, why, "repair removes it; it is made again when needed");
    }
    if (this.#options.repair === true) dropRoots(layout);
  }

  plans(): void {
    for (const plan of listPlans(this.#parts.layout)) {
      const why = attempt(() => [planFault(plan, (digest) => this.#store.readTree(digest)) ?? []].flat())[0];
      if (why === undefined) continue;
      this.#say(plan.path, why, "repair removes it; it is made again when needed");
      if (this.#options.repair === true) rmSync(plan.path, { force: true });
    }
  }

  downloads(): void {
    if (!this.#options.full) return;
    for (const path of filesBelow(this.#parts.layout.downloads)) {
      // Anything else is a download that goes on.
      if (!/\/[0-9a-f]{64}$/.test(path)) continue;
      if (path.endsWith(`/${hashFile(path)}`)) continue;
      this.#say(path, "its bytes do not have the digest of its name", "repair removes it");
      if (this.#options.repair === true) rmSync(path, { force: true });
    }
  }
}

interface Listed {
  readonly contents: readonly Location[];
  readonly joins: readonly JoinLocation[];
}

/** Proves that the pieces add up; where a store is given, also to the bytes. */
function verifyJoin(join: JoinedContent, info: ContentInfo, store: Store | undefined): void {
  const sizeBytes = info.frames.reduce((sum, frame) => sum + frame.rawBytes, 0);
  if (sizeBytes !== join.sizeBytes) throw damaged(`its pieces have ${sizeBytes} bytes, want ${join.sizeBytes}`);
  if (store === undefined) return;
  const { crc64: crc } = measureJoin(store.stream(join.digest));
  if (crc !== join.crc64) throw damaged("its CRC-64 is another");
}

function verifyContent(pack: PackRow, content: PackedContent, reader: PackReader): void {
  const hasher = new Hasher();
  let crc: Crc64 | undefined;
  let at = content.offset;
  for (const frame of content.frames) {
    const raw = decodeFrame(content, frame, reader.read(pack, at, frame.storedBytes));
    hasher.update(raw);
    crc = crc64(raw, crc);
    at += frame.storedBytes;
  }
  const actual = hasher.digest();
  if (actual !== content.digest) throw damaged(`its bytes have the digest ${actual}`);
  if (hasher.sizeBytes !== content.sizeBytes) throw damaged(`it has ${hasher.sizeBytes} bytes`);
  if (crc === undefined || crc64Hex(crc) !== content.crc64) throw damaged("its CRC-64 is another");
  if (at !== content.offset + storedBytesOf(content)) throw damaged("its frames are not where they should be");
}

function damaged(state: string): AshlarError {
  return new AshlarError("STORE_CONTENT_DAMAGED", `Cannot verify content: ${state}`);
}

/** Runs a check; returns the faults it returned or threw. */
function attempt(check: () => readonly string[] | void): readonly string[] {
  try {
    return check() ?? [];
  } catch (error) {
    return [messageOf(error)];
  }
}

function messageOf(error: unknown): string {
  if (isAshlarError(error)) return error.message;
  throw error;
}
