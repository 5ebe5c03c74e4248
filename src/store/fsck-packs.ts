// SPDX-License-Identifier: Apache-2.0
import type { AshlarError, Digest, ProgressStep } from "../base/index.ts";
import { DigestSet } from "./digest-set.ts";
import { verifyContent, verifyJoin } from "./fsck-content.ts";
import { attempt, type FsckSession, messageOf, rebuildHint } from "./fsck-session.ts";
import type { JoinLocation, Listed, Location, PackRow } from "./index-database.ts";
import { type PackFile, readPackFile } from "./pack-file.ts";
import type { JoinedContent, PackedContent, PackedFrame } from "./pack-format.ts";
import { PackReader } from "./pack-reader.ts";
import { retirePacks } from "./pack-rewrite.ts";
import { alignIndex, listPacks } from "./recover.ts";
import type { ContentInfo } from "./store.ts";

interface PackView {
  readonly pack: PackRow;
  readonly path: string;
  readonly listed: Listed;
  /** What the pack itself says; undefined where that cannot be read. */
  readonly file: PackFile | undefined;
}

/** Proves packs by their own tables and, where all is asked, every content by its bytes; one pack at a time. */
export class PackCheck {
  contentCount = 0;
  packCount = 0;
  /** Contents that the index finds where a pack has them: no need to look for them again. */
  readonly present = new DigestSet();
  readonly #session: FsckSession;

  constructor(session: FsckSession) {
    this.#session = session;
  }

  packs(): void {
    const session = this.#session;
    alignIndex(session.index, session.parts.layout, { forget: false });
    const packs = session.index.packs();
    this.#strayPacks(new Set(packs.map((pack) => pack.id)));
    const chosen = packs.filter((pack) => session.isChosen(pack.id));
    const total = session.full ? chosen.reduce((sum, pack) => sum + pack.sizeBytes, 0) : chosen.length;
    const step = session.start("packs", total, session.full ? "bytes" : "items");
    const reader = new PackReader(session.parts.layout);
    let isListedWrong = this.#strayRows();
    try {
      for (const pack of chosen) {
        isListedWrong = this.#pack(pack, session.index.listed(pack), { reader, step }) || isListedWrong;
      }
    } finally {
      reader.close();
    }
    if (isListedWrong && session.repairs) this.relist();
    step.done(`${this.packCount} with ${this.contentCount} contents`);
  }

  /** Makes the index say again what the tables of sound packs say. */
  relist(): void {
    const { index, parts } = this.#session;
    index.removeLostRows();
    const relistOne = (id: Digest): void => {
      const pack = readPackFile(parts.layout.pack(id), id);
      index.transaction(() => index.addPack(pack));
    };
    for (const { id } of index.packs()) attempt(() => relistOne(id));
  }

  /** Rows of the index that name no pack; gc leaves some of packs that it removed, until it has the time. */
  #strayRows(): boolean {
    const strays = this.#session.index.strays();
    for (const what of strays) {
      const why = "the index names no pack that has it";
      this.#session.say({ kind: "index", what, why, hint: "repair removes the row", repair: "restored" });
    }
    return strays.length > 0;
  }

  #strayPacks(known: ReadonlySet<Digest>): void {
    const { layout } = this.#session.parts;
    for (const id of listPacks(layout)) {
      if (known.has(id) || !this.#session.isChosen(id)) continue;
      const path = layout.pack(id);
      const [why = "the index cannot take it up"] = attempt(() => void readPackFile(path, id));
      const hint = "it is in no use; repair moves it into quarantine";
      this.#session.say({ kind: "pack", what: path, why, hint, repair: "quarantined" });
      if (this.#session.repairs) this.#session.setAside(path);
    }
  }

  /** Tells whether the index is wrong about it. */
  #pack(pack: PackRow, listed: Listed, { reader, step }: { reader: PackReader; step: ProgressStep }): boolean {
    const session = this.#session;
    this.packCount++;
    this.contentCount += listed.contents.length + listed.joins.length;
    const path = session.parts.layout.pack(pack.id);
    const before = session.faultCount;
    let file: PackFile | undefined;
    const faults = attempt(() => void (file = readPackFile(path, pack.id)));
    const view: PackView = { pack, path, listed, file };
    const sound = file === undefined ? listed : this.#agreeing({ ...view, file });
    // A pack without a table is known by the index alone: what it says is proven by the bytes.
    const bad = new Set<Digest>();
    for (const why of faults) {
      const hint = "repair saves what is sound of it";
      session.say({ kind: "pack", what: path, why, hint, repair: "quarantined", blames: bad });
    }
    if (session.full || file === undefined) this.#addDamaged(bad, { ...view, listed: sound }, reader);
    for (const { content } of sound.contents) if (!bad.has(content.digest)) this.present.add(content.digest);
    step.advance(session.full ? pack.sizeBytes : 1);
    const isWrong = sound !== listed;
    if (!session.repairs || (bad.size === 0 && faults.length === 0)) return isWrong && session.faultCount > before;
    const keep = sound.contents.filter(({ content }) => !bad.has(content.digest));
    this.#retire(pack, listed, { contents: keep, joins: sound.joins });
    return isWrong;
  }

  /** The rows of the index that the pack's table bears out; all of them as they came. */
  #agreeing({ path, listed, file }: PackView & { readonly file: PackFile }): Listed {
    const { contents, joins } = file.table;
    const table = new Map<Digest, PackedContent | JoinedContent>();
    for (const content of [...contents, ...joins]) table.set(content.digest, content);
    const agrees = (content: PackedContent | JoinedContent): boolean => {
      const own = table.get(content.digest);
      if (own !== undefined && isSame(own, content)) return true;
      const why = `the index and pack "${path}" do not agree on it`;
      const hint = "repair believes the pack";
      this.#session.say({ kind: "index", what: content.digest, why, hint, repair: "restored" });
      return false;
    };
    const agreed = {
      contents: listed.contents.filter(({ content }) => agrees(content)),
      joins: listed.joins.filter(({ join }) => agrees(join)),
    };
    const isAll = agreed.contents.length === listed.contents.length && agreed.joins.length === listed.joins.length;
    if (isAll) return listed;
    if (this.#session.repairs) this.#dropRows(listed, agreed);
    return agreed;
  }

  #dropRows(listed: Listed, agreed: Listed): void {
    const { index } = this.#session;
    const good = new Set<Location | JoinLocation>([...agreed.contents, ...agreed.joins]);
    index.transaction(() => {
      for (const row of [...listed.contents, ...listed.joins]) {
        if (!good.has(row)) index.removeContent("join" in row ? row.join.digest : row.content.digest);
      }
    });
  }

  /** Looks for contents whose bytes are wrong: all that the table names; without a table those of the index. */
  #addDamaged(bad: Set<Digest>, { pack, file, listed }: PackView, reader: PackReader): void {
    for (const content of file?.table.contents ?? listed.contents.map((location) => location.content)) {
      for (const why of attempt(() => verifyContent(pack, content, reader))) {
        bad.add(content.digest);
        const fault = { kind: "content", what: content.digest, why, hint: rebuildHint } as const;
        this.#session.say({ ...fault, repair: "quarantined" });
      }
    }
  }

  /** Saves what is sound of a damaged pack in a new one, and moves the old one into quarantine. */
  #retire(pack: PackRow, { contents, joins }: Listed, keep: Listed): void {
    const { index, store, parts: { layout } } = this.#session;
    const sound = new Set<Location | JoinLocation>([...keep.contents, ...keep.joins]);
    const drop = [
      ...contents.filter((location) => !sound.has(location)).map(({ content }) => content.digest),
      ...joins.filter((location) => !sound.has(location)).map(({ join }) => join.digest),
    ];
    const exit = { pack, keep: keep.contents, joins: keep.joins.map(({ join }) => join), drop };
    const dispose = (path: string): number => (this.#session.setAside(path), 0);
    retirePacks([exit], { layout, index, framesOf: (digest) => store.streamFrames(digest), dispose });
  }

  /**
   * What joined contents are made of. One whose pieces are not here is not here itself, as gc leaves them: only
   * what reaches it is at fault.
   */
  joins(): void {
    const session = this.#session;
    const { index, store, full } = session;
    const { count, bytes } = index.joinTotals();
    const step = session.start("joined contents", full ? bytes : count, full ? "bytes" : "items");
    const bad = new Set<Digest>();
    const packs = new Map<number, PackRow>();
    for (const { join, pack } of index.joins()) {
      if (!session.isChosen(join.digest)) continue;
      const info = store.info(join.digest);
      if (info !== undefined && this.#isBadJoin(join, info)) {
        bad.add(join.digest);
        packs.set(pack.number, pack);
      }
      step.advance(full ? join.sizeBytes : 1);
    }
    step.done(`${count}`);
    if (!session.repairs) return;
    // A pack whose table tells a lie about a join is given up for one that does not.
    for (const pack of packs.values()) {
      const listed = index.listed(pack);
      this.#retire(pack, listed, { ...listed, joins: listed.joins.filter(({ join }) => !bad.has(join.digest)) });
    }
  }

  /** A piece that is damaged is the fault of the piece. */
  #isBadJoin(join: JoinedContent, info: ContentInfo): boolean {
    const session = this.#session;
    try {
      verifyJoin(join, info, session.full ? session.store : undefined);
      return false;
    } catch (error) {
      const why = messageOf(error);
      const piece = (error as AshlarError).details["digest"] as Digest | undefined;
      const fault = { kind: "content", what: piece ?? join.digest, why, hint: rebuildHint } as const;
      if (piece === undefined) session.say({ ...fault, repair: "quarantined" });
      else if (!session.isBlamed(piece)) session.say(fault);
      return piece === undefined;
    }
  }
}

function isSame(one: PackedContent | JoinedContent, other: PackedContent | JoinedContent): boolean {
  if (one.digest !== other.digest || one.sizeBytes !== other.sizeBytes || one.crc64 !== other.crc64) return false;
  if ("pieces" in one || "pieces" in other) {
    if (!("pieces" in one && "pieces" in other) || one.pieces.length !== other.pieces.length) return false;
    return one.pieces.every((piece, i) => piece === other.pieces[i]);
  }
  if (one.offset !== other.offset || one.frames.length !== other.frames.length) return false;
  return one.frames.every((frame, i) => isSameFrame(frame, other.frames[i] as PackedFrame));
}

function isSameFrame(one: PackedFrame, other: PackedFrame): boolean {
  if (one.digest !== other.digest || one.rawBytes !== other.rawBytes) return false;
  return one.storedBytes === other.storedBytes && one.crc32 === other.crc32;
}
