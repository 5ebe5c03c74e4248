// SPDX-License-Identifier: Apache-2.0

/** Header and entry of glibc's cache, bytes (`struct cache_file_new` and `file_entry_new` of dl-cache.h). */
const headerBytes = 48;
const entryBytes = 24;
const magic = "glibc-ld.so.cache1.1";
const extensionMagic = 0xeaa42174;
const hwcapsTag = 1;
/** PATH_MAX; entries of a damaged cache may all lead into one endless text. */
const textBytesMax = 4096;

/**
 * The cache of ld.so without libraries that are not there: what `ldconfig` would have made had it never seen
 * them. Names of directories are those that ldconfig found. Undefined where the bytes are no cache of the
 * format that glibc writes since 2.32; entries that point outside are dropped.
 */
export function withoutLibraries(
  cache: Uint8Array,
  isThere: (path: string) => boolean,
): Uint8Array | undefined {
  const source = Buffer.from(cache.buffer, cache.byteOffset, cache.length);
  if (source.length < headerBytes || source.toString("latin1", 0, magic.length) !== magic) return undefined;
  const isBig = ((source[28] as number) & 3) === 3;
  const word = (at: number): number => (isBig ? source.readUInt32BE(at) : source.readUInt32LE(at));
  const count = word(20);
  if (headerBytes + count * entryBytes > source.length) return undefined;
  const entries: CacheEntry[] = [];
  for (let i = 0; i < count; i++) {
    const at = headerBytes + i * entryBytes;
    const [key, value] = [textAt(source, word(at + 4)), textAt(source, word(at + 8))];
    if (key !== undefined && value !== undefined && isThere(value)) {
      entries.push({ fixed: source.subarray(at, at + entryBytes), key, value });
    }
  }
  return encode({ source, isBig, entries, sections: sectionsOf(source, word) });
}

interface CacheEntry {
  /** As it was; the offsets of its texts are of the old file. */
  readonly fixed: Buffer;
  readonly key: string;
  readonly value: string;
}

interface Section {
  readonly tag: number;
  readonly flags: number;
  /** As it was; undefined for the list of hardware capabilities. */
  readonly bytes: Buffer | undefined;
  readonly texts: readonly string[];
}

function textAt(source: Buffer, at: number): string | undefined {
  const end = at < headerBytes || at >= source.length ? -1 : source.indexOf(0, at);
  return end < 0 || end - at > textBytesMax ? undefined : source.toString("latin1", at, end);
}

/** Who made the cache, and subdirectories for kinds of processors; what points outside the file is left out. */
function sectionsOf(source: Buffer, word: (at: number) => number): readonly Section[] {
  const start = word(32);
  if (start === 0 || start + 8 > source.length || word(start) !== extensionMagic) return [];
  const count = word(start + 4);
  if (start + 8 + count * 16 > source.length) return [];
  return Array.from({ length: count }, (_, i) => start + 8 + i * 16).flatMap((at): Section[] => {
    const [tag, flags, offset, size] = [word(at), word(at + 4), word(at + 8), word(at + 12)];
    if (offset + size > source.length) return [];
    if (tag !== hwcapsTag) return [{ tag, flags, bytes: source.subarray(offset, offset + size), texts: [] }];
    const texts = Array.from({ length: size >> 2 }, (_one, j) => textAt(source, word(offset + j * 4)) ?? "");
    return [{ tag, flags, bytes: undefined, texts }];
  });
}

interface NewCache {
  readonly source: Buffer;
  readonly isBig: boolean;
  readonly entries: readonly CacheEntry[];
  readonly sections: readonly Section[];
}

function encode({ source, isBig, entries, sections }: NewCache): Buffer {
  const table = new TextTable(headerBytes + entries.length * entryBytes);
  const put = (bytes: Buffer, value: number, at: number): void =>
    void (isBig ? bytes.writeUInt32BE(value, at) : bytes.writeUInt32LE(value, at));
  const body = entries.map(({ fixed, key, value }) => {
    const bytes = Buffer.from(fixed);
    const at = table.add(value);
    put(bytes, value.endsWith(key) ? at + value.length - key.length : table.add(key), 4);
    put(bytes, at, 8);
    return bytes;
  });
  const lists = sections.map(({ bytes, texts }) => {
    if (bytes !== undefined) return bytes;
    const list = Buffer.alloc(texts.length * 4);
    texts.forEach((text, i) => put(list, table.add(text), i * 4));
    return list;
  });
  const texts = table.bytes();
  const header = Buffer.from(source.subarray(0, headerBytes));
  put(header, entries.length, 20);
  put(header, table.sizeBytes, 24);
  const extensionAt = headerBytes + entries.length * entryBytes + texts.length;
  put(header, sections.length === 0 ? 0 : extensionAt, 32);
  const parts = [header, ...body, texts];
  if (sections.length === 0) return Buffer.concat(parts);
  const index = Buffer.alloc(8 + sections.length * 16);
  put(index, extensionMagic, 0);
  put(index, sections.length, 4);
  let at = extensionAt + index.length;
  // Lists of words first, so that they stay on multiples of four.
  const order = sections.map((_, i) => i).sort((a, b) => lengthOrder(lists[a]) - lengthOrder(lists[b]));
  for (const i of order) {
    const [section, list] = [sections[i] as Section, lists[i] as Buffer];
    [section.tag, section.flags, at, list.length].forEach((value, j) =>
      put(index, value, 8 + i * 16 + j * 4),
    );
    at += list.length;
  }
  return Buffer.concat([...parts, index, ...order.map((i) => lists[i] as Buffer)]);
}

function lengthOrder(list: Buffer | undefined): number {
  return (list?.length ?? 0) % 4 === 0 ? 0 : 1;
}

/** Texts with a zero behind each, every one once; their places are those in the file. */
class TextTable {
  readonly #start: number;
  readonly #places = new Map<string, number>();
  readonly #parts: Buffer[] = [];
  sizeBytes = 0;

  constructor(start: number) {
    this.#start = start;
  }

  add(text: string): number {
    const known = this.#places.get(text);
    if (known !== undefined) return known;
    const at = this.#start + this.sizeBytes;
    const bytes = Buffer.from(`${text}\0`, "latin1");
    this.#parts.push(bytes);
    this.#places.set(text, at);
    this.sizeBytes += bytes.length;
    return at;
  }

  /** On a multiple of four, for what follows. */
  bytes(): Buffer {
    return Buffer.concat([...this.#parts, Buffer.alloc(-this.sizeBytes & 3)]);
  }
}
