// SPDX-License-Identifier: Apache-2.0
import { rmSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";

import type { Digest } from "../base/index.ts";
import { verifyContent, verifyJoin } from "./fsck-content.ts";
import { attempt, type FsckSession, rebuildHint } from "./fsck-session.ts";
import type { JoinLocation, Listed, Location, PackRow } from "./index-database.ts";
import { readPackFile } from "./pack-file.ts";
import type { JoinedContent, PackedContent } from "./pack-format.ts";
import { PackReader } from "./pack-reader.ts";
import { retirePacks } from "./pack-rewrite.ts";
import { alignIndex, listPacks } from "./recover.ts";

/** Proves packs by their own tables and, where all is asked, every content by its bytes. */
export class PackCheck {
  contentCount = 0;
  packCount = 0;
  readonly #session: FsckSession;

  constructor(session: FsckSession) {
    this.#session = session;
  }

  packs(): void {
    const { layout, index } = this.#session.parts;
    alignIndex(index, layout, { forget: false });
    const packs = index.packs();
    this.packCount = packs.length;
    const known = new Set(packs.map((pack) => pack.id));
    for (const id of listPacks(layout)) if (!known.has(id)) this.#strayPack(id);
    const reader = new PackReader(layout);
    try {
      packs.forEach((pack, i) => {
        this.#pack(pack, index.listed(pack), reader);
        this.#session.options.onProgress?.(i + 1, packs.length);
      });
    } finally {
      reader.close();
    }
  }

  #strayPack(id: Digest): void {
    const path = this.#session.parts.layout.pack(id);
    const faults = attempt(() => void readPackFile(path, id));
    for (const why of faults) this.#session.say(path, why, "it is in no use; repair removes it");
    if (this.#session.repairs) rmSync(path, { force: true });
  }

  #pack(pack: PackRow, listed: Listed, reader: PackReader): void {
    this.contentCount += listed.contents.length + listed.joins.length;
    const path = this.#session.parts.layout.pack(pack.id);
    const before = this.#session.faults.length;
    const table = new Map<Digest, PackedContent | JoinedContent>();
    const faults = attempt(() => {
      const { contents, joins } = readPackFile(path, pack.id).table;
      for (const content of [...contents, ...joins]) table.set(content.digest, content);
    });
    for (const why of faults) this.#session.say(path, why, rebuildHint);
    const agrees = (content: PackedContent | JoinedContent): boolean => {
      if (faults.length > 0 || isDeepStrictEqual(table.get(content.digest), content)) return true;
      this.#session.say(content.digest, `the index and pack "${path}" do not agree on it`, rebuildHint);
      return false;
    };
    const contents = listed.contents.filter(({ content }) => {
      if (!agrees(content)) return false;
      return (!this.#session.options.full && faults.length === 0) || this.#content(pack, content, reader);
    });
    const joins = listed.joins.filter(({ join }) => agrees(join));
    // Copies that the index does not use: a rebuilt index might.
    if (this.#session.options.full) {
      const used = new Set(listed.contents.map(({ content }) => content.digest));
      for (const content of table.values()) {
        if ("frames" in content && !used.has(content.digest)) this.#content(pack, content, reader);
      }
    }
    if (this.#session.faults.length > before && this.#session.repairs) this.#retire(pack, listed, { contents, joins });
  }

  /** Saves what is sound of a damaged pack and removes it. */
  #retire(pack: PackRow, { contents, joins }: Listed, keep: Listed): void {
    const { layout, index } = this.#session.parts;
    const sound = new Set<Location | JoinLocation>([...keep.contents, ...keep.joins]);
    const drop = [
      ...contents.filter((location) => !sound.has(location)).map(({ content }) => content.digest),
      ...joins.filter((location) => !sound.has(location)).map(({ join }) => join.digest),
    ];
    const exit = { pack, keep: keep.contents, joins: keep.joins.map(({ join }) => join), drop };
    retirePacks([exit], { layout, index, framesOf: (digest) => this.#session.store.streamFrames(digest) });
  }

  /**
   * What joined contents are made of. One whose pieces are not here is not here itself, as gc leaves them: only
   * what reaches it is at fault.
   */
  joins(): void {
    const { store, options, parts } = this.#session;
    const { index } = parts;
    const bad = new Set<Digest>();
    const packs = new Map<number, PackRow>();
    for (const { join, pack } of index.joins()) {
      const info = store.info(join.digest);
      if (info === undefined) continue;
      const faults = attempt(() => verifyJoin(join, info, options.full ? store : undefined));
      for (const why of faults) this.#session.say(join.digest, why, rebuildHint);
      if (faults.length === 0) continue;
      bad.add(join.digest);
      packs.set(pack.number, pack);
    }
    if (!this.#session.repairs) return;
    for (const pack of packs.values()) {
      const listed = index.listed(pack);
      this.#retire(pack, listed, { ...listed, joins: listed.joins.filter(({ join }) => !bad.has(join.digest)) });
    }
  }

  #content(pack: PackRow, content: PackedContent, reader: PackReader): boolean {
    const faults = attempt(() => verifyContent(pack, content, reader));
    for (const why of faults) this.#session.say(content.digest, why, rebuildHint);
    return faults.length === 0;
  }
}
