// SPDX-License-Identifier: Apache-2.0
import { emptyDigest, type ImagePath } from "../../base/index.ts";
import type { Entry, FileEntry, Tree } from "../../formats/index.ts";
import type { Contents } from "../content.ts";
import { isSameEntry } from "../merge-trees.ts";
import type { RuleChange } from "./rule.ts";

/** What the rules look at. */
export interface RuleInput {
  /** What was there before scripts ran: packages as unpacked, or the phase below. */
  readonly before: Tree;
  /** What they left. */
  readonly after: Tree;
  /**
   * Whose scripts: of packages, or the user's own steps. What a user makes, keys and databases too, is meant:
   * it is reported and stays.
   */
  readonly by: "packages" | "steps";
  readonly contents: Contents;
  /** Package id (`libc6:amd64`) by path, of what packages ship. */
  readonly owners: ReadonlyMap<ImagePath, string>;
}

/** A larger file is no key, no list of stanzas and nothing else that a rule rewrites. */
const readMax = 8 << 20;

/** A tree as rules see it: entries by path, and which of them the scripts made or gave other bytes. */
export class RuleRoot {
  /** In the order of paths. Files whose bytes are a package's are not among them, whatever became of their mode. */
  readonly made: readonly Entry[];
  readonly by: RuleInput["by"];
  readonly owners: RuleInput["owners"];
  readonly #contents: Contents;
  readonly #old: ReadonlyMap<string, Entry>;
  readonly #entries: ReadonlyMap<string, Entry>;
  readonly #madePaths: ReadonlySet<string>;

  constructor({ before, after, contents, owners, by }: RuleInput, old = entriesOf(before)) {
    this.#old = old;
    this.owners = owners;
    this.by = by;
    this.#contents = contents;
    this.#entries = entriesOf(after);
    this.made = after.filter((entry) => isMade(old.get(entry.path), entry));
    this.#madePaths = new Set(this.made.map((entry) => entry.path));
  }

  /** The same after changes. */
  withTree(after: Tree): RuleRoot {
    const { owners, by } = this;
    return new RuleRoot({ before: [], after, contents: this.#contents, owners, by }, this.#old);
  }

  get(path: string): Entry | undefined {
    return this.#entries.get(path);
  }

  /** The file at a path, if there is one that the scripts made. */
  madeFile(path: string): FileEntry | undefined {
    const entry = this.#entries.get(path);
    return entry?.type === "file" && this.#madePaths.has(path) ? entry : undefined;
  }

  /** Files that the scripts made whose path matches. */
  madeFiles(path: RegExp): readonly FileEntry[] {
    return this.made.filter((entry): entry is FileEntry => entry.type === "file" && path.test(entry.path));
  }

  /** All files that the scripts made, under each of their names. */
  madeNames(): readonly FileEntry[] {
    return this.made.flatMap((entry) => {
      if (entry.type === "file") return [entry];
      const target = entry.type === "hardlink" ? this.#entries.get(entry.target) : undefined;
      return target?.type === "file" ? [{ ...target, path: entry.path }] : [];
    });
  }

  /** The bytes of a file; undefined where it is too large to be looked into. */
  read(entry: FileEntry): Uint8Array | undefined {
    if (entry.sizeBytes === 0) return new Uint8Array();
    return entry.sizeBytes > readMax ? undefined : this.#contents.read(entry.content);
  }

  /** A change that gives a file other bytes; none where they are the same. */
  rewrite(entry: FileEntry, bytes: Uint8Array, what: string): readonly RuleChange[] {
    const { digest, sizeBytes } = this.#contents.put(bytes);
    if (digest === entry.content) return [];
    return [{ kind: "put", entry: { ...entry, content: digest, sizeBytes }, what }];
  }
}

function entriesOf(tree: Tree): ReadonlyMap<string, Entry> {
  return new Map(tree.map((entry) => [entry.path, entry]));
}

function isMade(was: Entry | undefined, entry: Entry): boolean {
  if (was === undefined) return true;
  if (was.type === "file" && entry.type === "file") return was.content !== entry.content;
  return !isSameEntry(was, entry);
}

export function removal({ path }: Entry, what = "removed"): RuleChange {
  return { kind: "remove", path, what };
}

/** Takes the bytes of a file away. */
export function emptying(file: FileEntry): readonly RuleChange[] {
  if (file.sizeBytes === 0) return [];
  return [{ kind: "put", entry: { ...file, content: emptyDigest, sizeBytes: 0 }, what: "emptied" }];
}
