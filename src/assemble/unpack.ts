// SPDX-License-Identifier: Apache-2.0
import { closeSync, fstatSync, openSync, readSync } from "node:fs";

import { compareOrdinal, type Digest, type Json, limits } from "../base/index.ts";
import { readDeb, verifyDebIdentity } from "../debian/index.ts";
import {
  type ByteReader,
  decompress,
  type TarEntry,
  TarParser,
  type TarVisitor,
  type Tree,
} from "../formats/index.ts";
import type { Action, ContentWriter, PackWriter, Reaches, Store } from "../store/index.ts";
import { type ContentFacts, inspectContent } from "./content-facts.ts";
import { mayRun } from "./inspect-tree.ts";
import { EntryCollector } from "./unpack-entries.ts";

/** A .deb to unpack: what the lock says of it, and where its verified file lies. */
export interface UnpackTask {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
  readonly digest: Digest;
  readonly sizeBytes: number;
  readonly path: string;
}

/** What a package's record says; kind of record "package/v1". */
export interface PackageRecord {
  readonly kind: "package/v1";
  /** As in data.tar: original owners, modes and times. */
  readonly tree: Digest;
  /** The files of control.tar by name. */
  readonly control: Readonly<Record<string, Digest>>;
  /** What dpkg keeps as `info/NAME.list`: the paths of data.tar in the order of unpacking. */
  readonly list: Digest;
  /** By content; only those that are ELF files or start with `#!`. */
  readonly facts: Readonly<Record<Digest, ContentFacts>>;
}

/** What a package's record keeps alive in the store. */
export function packageReaches({ tree, control, list }: PackageRecord): Reaches {
  return { trees: [tree], contents: [...Object.values(control), list] };
}

/** The name of the step "unpack this .deb"; its remembered value is the digest of the record. */
export function unpackAction(deb: Digest): Action {
  return { operation: "deb.unpack", version: 3, inputs: [deb] };
}

/** Unpacks one .deb into the store and remembers the result. Returns the digest of its `PackageRecord`. */
export async function unpackDeb(store: Store, task: UnpackTask): Promise<Digest> {
  const file = openSync(task.path, "r");
  const pack = store.beginPack();
  try {
    const record = await addPackage({ store, pack, task, reader: readerOf(file) });
    store.putAction(unpackAction(task.digest), { value: record, reaches: { records: [record] } });
    return record;
  } catch (error) {
    pack.abort();
    throw error;
  } finally {
    closeSync(file);
  }
}

interface Unpacking {
  readonly store: Store;
  readonly pack: PackWriter;
  readonly task: UnpackTask;
  readonly reader: ByteReader;
}

/** Everything of a package goes into one pack, its record too where no large program has to be read again. */
async function addPackage({ store, pack, task, reader }: Unpacking): Promise<Digest> {
  const deb = readDeb(reader);
  verifyDebIdentity(deb.fields, task);
  const control = putControl(pack, deb.control);
  const what = `package "${task.name}" ${task.version}`;
  const { tree: entries, list, facts } = await unpackData(pack, deb.data, { what, debBytes: task.sizeBytes });
  const tree = store.putTree(entries, pack);
  const small = [...facts.values()].every((fact) => fact !== "large");
  if (!small) pack.commit();
  const record: PackageRecord = { kind: "package/v1", tree, control, list, facts: factsOf(store, facts) };
  const digest = store.putRecord(record as unknown as Json, packageReaches(record), small ? pack : undefined);
  if (small) pack.commit();
  return digest;
}

function readerOf(file: number): ByteReader {
  const sizeBytes = fstatSync(file).size;
  return {
    sizeBytes,
    read(offset, length) {
      const bytes = Buffer.allocUnsafe(length);
      const got = readSync(file, bytes, 0, length, offset);
      return bytes.subarray(0, got);
    },
  };
}

function putControl(pack: PackWriter, files: ReadonlyMap<string, Uint8Array>): Record<string, Digest> {
  const names = [...files.keys()].sort(compareOrdinal);
  return Object.fromEntries(names.map((name) => [name, pack.put(files.get(name) as Uint8Array).digest]));
}

interface DataMember {
  readonly compression: Parameters<typeof decompress>[0];
  chunks(): Iterable<Uint8Array>;
}

async function unpackData(
  pack: PackWriter,
  data: DataMember,
  { what, debBytes }: { readonly what: string; readonly debBytes: number },
): Promise<{
  readonly tree: Tree;
  readonly list: Digest;
  readonly facts: ReadonlyMap<Digest, ContentFacts | "large">;
}> {
  const visitor = new DataVisitor(pack, what);
  const parser = new TarParser(visitor);
  const maxBytes = Math.max(limits.ratioFreeBytes, debBytes * limits.expansionRatioMax);
  for await (const bytes of decompress(data.compression, data.chunks(), { maxBytes, what }))
    parser.push(bytes);
  parser.finish();
  const list = pack.put(visitor.collector.list()).digest;
  return { tree: visitor.collector.finish(), list, facts: visitor.facts };
}

/** Contents of ELF files above one frame are looked at after the pack is complete. */
class DataVisitor implements TarVisitor {
  readonly collector: EntryCollector;
  readonly facts = new Map<Digest, ContentFacts | "large">();
  readonly #pack: PackWriter;
  #entry: TarEntry | undefined;
  #writer: ContentWriter | undefined;
  #pieces: Uint8Array[] = [];
  #head: Uint8Array = new Uint8Array();

  constructor(pack: PackWriter, what: string) {
    this.#pack = pack;
    this.collector = new EntryCollector(what);
  }

  entry(entry: TarEntry): void {
    if (entry.type !== "file") return this.collector.add(entry);
    this.#entry = entry;
    if (entry.sizeBytes > limits.frameBytesMax) this.#writer = this.#pack.open();
  }

  data(bytes: Uint8Array): void {
    const entry = this.#entry;
    if (entry === undefined) return;
    if (this.#writer !== undefined) {
      if (this.#head.length === 0) this.#head = Uint8Array.from(bytes.subarray(0, 64));
      this.#writer.write(bytes);
    } else if (bytes.length === entry.sizeBytes) {
      // The payload arrived in one piece: no copy of it is made.
      this.#addSmall(entry, bytes);
      this.#entry = undefined;
    } else {
      this.#pieces.push(Uint8Array.from(bytes));
    }
  }

  endEntry(): void {
    const entry = this.#entry;
    if (entry !== undefined) {
      if (this.#writer !== undefined) this.#addLarge(entry, this.#writer);
      else this.#addSmall(entry, Buffer.concat(this.#pieces));
    }
    this.#entry = undefined;
    this.#writer = undefined;
    this.#pieces = [];
    this.#head = new Uint8Array();
  }

  #addSmall(entry: TarEntry, bytes: Uint8Array): void {
    const info = this.#pack.put(bytes);
    this.collector.addFile(entry, info);
    const facts = mayRun(bytes) ? inspectContent(bytes) : undefined;
    if (facts !== undefined) this.facts.set(info.digest, facts);
  }

  #addLarge(entry: TarEntry, writer: ContentWriter): void {
    const info = writer.end();
    this.collector.addFile(entry, info);
    if (mayRun(this.#head)) this.facts.set(info.digest, "large");
  }
}

function factsOf(
  store: Store,
  found: ReadonlyMap<Digest, ContentFacts | "large">,
): Record<Digest, ContentFacts> {
  const facts: Record<Digest, ContentFacts> = {};
  for (const digest of [...found.keys()].sort(compareOrdinal)) {
    const known = found.get(digest);
    const value = known === "large" ? inspectContent(store.read(digest)) : known;
    if (value !== undefined) facts[digest] = value;
  }
  return facts;
}
