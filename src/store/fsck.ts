// SPDX-License-Identifier: Apache-2.0
import { rmSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";

import { AshlarError, type Digest, Hasher, isAshlarError } from "../base/index.ts";
import { type Crc64, crc64, crc64Hex } from "../formats/stored/index.ts";
import { listPlans, planFault } from "./checkout-plan.ts";
import type { IndexDatabase, Location, PackRow } from "./index-database.ts";
import { dropRoots, listRoots, rootFaults } from "./kept-roots.ts";
import { filesBelow, type Layout } from "./layout.ts";
import { listLinks } from "./link-farm.ts";
import { hashFile, linkFault } from "./link-fault.ts";
import { readPackFile } from "./pack-file.ts";
import { type PackedContent, storedBytesOf } from "./pack-format.ts";
import { retirePacks } from "./pack-rewrite.ts";
import { PackReader } from "./pack-reader.ts";
import { markReach, ReachCheck, ReachSet } from "./reach.ts";
import { parseReaches } from "./record.ts";
import { alignIndex, listPacks } from "./recover.ts";
import { decodeFrame } from "./store-base.ts";
import type { FsckOptions, FsckReport, Store } from "./store.ts";

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
  if (sound.refs) check.reach();
  check.actions();
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
    const packs = index.packs();
    this.#packs = packs.length;
    const known = new Set(packs.map((pack) => pack.id));
    for (const id of listPacks(layout)) if (!known.has(id)) this.#strayPack(id);
    const reader = new PackReader(layout);
    try {
      packs.forEach((pack, i) => {
        this.#pack(pack, byPack.get(pack.number) ?? [], reader);
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

  #pack(pack: PackRow, locations: readonly Location[], reader: PackReader): void {
    this.#contents += locations.length;
    const path = this.#parts.layout.pack(pack.id);
    const before = this.#faults.length;
    const table = new Map<Digest, PackedContent>();
    const faults = attempt(() => {
      for (const content of readPackFile(path, pack.id).table.contents) table.set(content.digest, content);
    });
    for (const why of faults) this.#say(path, why, rebuildHint);
    const keep = locations.filter(({ content }) => {
      if (faults.length === 0 && !isDeepStrictEqual(table.get(content.digest), content)) {
        this.#say(content.digest, `the index and pack "${path}" do not agree on it`, rebuildHint);
        return false;
      }
      return (!this.#options.full && faults.length === 0) || this.#content(pack, content, reader);
    });
    // Copies that the index does not use: a rebuilt index might.
    if (this.#options.full) {
      const used = new Set(locations.map(({ content }) => content.digest));
      for (const content of table.values()) if (!used.has(content.digest)) this.#content(pack, content, reader);
    }
    if (this.#faults.length > before && this.#options.repair === true) this.#retire(pack, locations, keep);
  }

  /** Saves what is sound of a damaged pack and removes it. */
  #retire(pack: PackRow, locations: readonly Location[], keep: readonly Location[]): void {
    const { layout, index } = this.#parts;
    const sound = new Set(keep);
    const drop = locations.filter((location) => !sound.has(location)).map((location) => location.content.digest);
    retirePacks([{ pack, keep, drop }], { layout, index, framesOf: (digest) => this.#store.streamFrames(digest) });
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
      this.#say(digest, "a ref reaches it, and it is not in the store", rebuildHint);
    }
  }

  /** A remembered result names trees; without a file of one it would stand in the way of doing the step again. */
  actions(): void {
    if (this.#options.repair !== true) return;
    const { index } = this.#parts;
    const check = new ReachCheck(this.#store);
    const lost = index.actions().filter(({ reaches }) => !check.isWhole(parseReaches(reaches)));
    index.transaction(() => {
      for (const { key } of lost) index.removeAction(key);
    });
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
