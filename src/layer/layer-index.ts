// SPDX-License-Identifier: Apache-2.0
import { AshlarError, type Digest, hexOf, limits } from "../base/index.ts";

/** The first 8 bytes of a digest as 16 hexadecimal digits: enough to find what is here; the blob is proven whole. */
export type DigestPrefix = string & { readonly __brand: "DigestPrefix" };

const prefixBytes = 8;

export function prefixOf(digest: Digest): DigestPrefix {
  return hexOf(digest).slice(0, 2 * prefixBytes) as DigestPrefix;
}

/** A run of entries of a part. */
export interface IndexNode {
  /** Of the digest of the entries as an encoded tree. */
  readonly prefix: DigestPrefix;
  /** Bytes of its frame in the table of contents. */
  readonly storedBytes: number;
}

/** The directories of a layer, or one of its blocks. */
export interface IndexPart {
  /** Of the digest of the part as an encoded tree. */
  readonly prefix: DigestPrefix;
  /** In order; a single one has the part's prefix. */
  readonly nodes: readonly IndexNode[];
}

/** What a layer is made of by digests, and where its table of contents says more of each. */
export interface LayerIndex {
  /** Whether the first part is the directories'. */
  readonly hasDirectories: boolean;
  /** Bytes of the table's first frame, in front of the nodes. */
  readonly headBytes: number;
  readonly parts: readonly IndexPart[];
}

const version = 1;

/**
 * Encodes the index: a byte for its version, one for `hasDirectories`, then numbers as LEB128: bytes of the head, count
 * of parts, and for each part its prefix, count of nodes, and for each node, its prefix where there are several, and
 * the length of its frame. In base64, as it stands in an annotation. (docs/formats/layer.md)
 */
export function encodeLayerIndex({ hasDirectories, headBytes, parts }: LayerIndex): string {
  const pieces: Uint8Array[] = [Buffer.from([version, hasDirectories ? 1 : 0])];
  const number = (value: number): void => void pieces.push(encodeNumber(value));
  number(headBytes);
  number(parts.length);
  for (const { prefix, nodes } of parts) {
    pieces.push(Buffer.from(prefix, "hex"));
    number(nodes.length);
    for (const node of nodes) {
      if (nodes.length > 1) pieces.push(Buffer.from(node.prefix, "hex"));
      number(node.storedBytes);
    }
  }
  return Buffer.concat(pieces).toString("base64");
}

function encodeNumber(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80);
  bytes.push(rest);
  return Uint8Array.from(bytes);
}

/** Parses an index; linear in the input. Throws `LAYER_INDEX_INVALID`. */
export function parseLayerIndex(text: string): LayerIndex {
  const bytes = Buffer.from(text, "base64");
  if (bytes.toString("base64") !== text) throw invalid("it is not base64");
  const reader = new Reader(bytes);
  if (reader.take(1)[0] !== version) throw invalid(`its version is not ${version}`);
  const flag = reader.take(1)[0];
  if (flag !== 0 && flag !== 1) throw invalid("its flag is neither 0 nor 1");
  const headBytes = reader.number();
  const parts = Array.from({ length: reader.count(prefixBytes + 1) }, () => readPart(reader));
  if (!reader.atEnd) throw invalid("it is longer than its parts");
  return { hasDirectories: flag === 1, headBytes, parts };
}

function readPart(reader: Reader): IndexPart {
  const prefix = reader.prefix();
  const count = reader.count(1);
  if (count === 0) throw invalid("a part has no nodes");
  const nodes = Array.from({ length: count }, (): IndexNode => {
    return { prefix: count > 1 ? reader.prefix() : prefix, storedBytes: reader.number() };
  });
  return { prefix, nodes };
}

class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  take(length: number): Buffer {
    if (this.#at + length > this.#bytes.length) throw invalid("it ends early");
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  prefix(): DigestPrefix {
    return this.take(prefixBytes).toString("hex") as DigestPrefix;
  }

  number(): number {
    let value = 0;
    for (let scale = 1; scale < 2 ** 48; scale *= 128) {
      const byte = this.take(1)[0] as number;
      value += (byte & 0x7f) * scale;
      if (byte < 128) return value;
    }
    throw invalid("a number is too large");
  }

  /** How many things follow that take so many bytes at least: a lie about it costs no memory. */
  count(bytesEach: number): number {
    const count = this.number();
    const left = this.#bytes.length - this.#at;
    if (count > limits.entryCountMax || count * bytesEach > left) throw invalid("it has fewer parts than it says");
    return count;
  }

  get atEnd(): boolean {
    return this.#at === this.#bytes.length;
  }
}

function invalid(fault: string): AshlarError {
  return new AshlarError("LAYER_INDEX_INVALID", `Cannot read layer index: ${fault}`);
}
