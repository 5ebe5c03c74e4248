// SPDX-License-Identifier: Apache-2.0
import { AshlarError, limits, nameFromBytes } from "../base/index.ts";

/** One piece of a tar that was taken apart, in the order of the archive. */
export type SplitPiece =
  /** Bytes as they stood there: headers, padding, the end. */
  | { readonly kind: "raw"; readonly bytes: Uint8Array }
  /** The content of a file stands here; never an empty one. */
  | { readonly kind: "file"; readonly file: SplitFile };

export interface SplitFile {
  /** The member's name in the tar. Not proved: it may be absolute or lead upwards. */
  readonly name: string;
  readonly sizeBytes: number;
  /** CRC-64/ISO of the content, 16 hexadecimal digits. */
  readonly crc64: string;
}

/** A line holds at most one raw piece: a pax header of the largest size in base64, or a long run of end blocks. */
const lineBytesMax = 16 << 20;
const newline = 0x0a;

/**
 * Parses tar-split's NDJSON as it comes: a tar without its files' contents, as podman keeps it of each layer. Two
 * lines an entry, `{"type":2,"payload":BASE64}` for raw bytes and `{"type":1,"name":...,"size":...,"payload":CRC64}`
 * for the entry. Throws `FORMATS_TAR_SPLIT` with the line's number. (vbatts/tar-split, tar/storage/entry.go)
 */
export class TarSplitParser {
  readonly #what: string;
  /** The beginning of a line whose end has not come yet. */
  #begun: Uint8Array[] = [];
  #begunBytes = 0;
  #lines = 0;

  /** `what` names the input in messages. */
  constructor(what: string) {
    this.#what = what;
  }

  /** Takes some bytes; returns the pieces of the lines that ended in them. */
  push(bytes: Uint8Array): SplitPiece[] {
    const pieces: SplitPiece[] = [];
    let start = 0;
    for (let end = bytes.indexOf(newline); end >= 0; end = bytes.indexOf(newline, start)) {
      this.#begin(bytes.subarray(start, end));
      this.#add(pieces, this.#line());
      start = end + 1;
    }
    this.#begin(Uint8Array.from(bytes.subarray(start)));
    return pieces;
  }

  /** Ends the input; the last line may lack its line feed. */
  finish(): SplitPiece[] {
    const pieces: SplitPiece[] = [];
    if (this.#begunBytes > 0) this.#add(pieces, this.#line());
    return pieces;
  }

  #begin(bytes: Uint8Array): void {
    this.#begun.push(bytes);
    this.#begunBytes += bytes.length;
    if (this.#begunBytes > lineBytesMax) throw this.#fault(`is longer than ${lineBytesMax} bytes`);
  }

  #line(): Buffer {
    const line = Buffer.concat(this.#begun);
    this.#begun = [];
    this.#begunBytes = 0;
    return line;
  }

  #add(pieces: SplitPiece[], line: Buffer): void {
    if (this.#lines >= 3 * limits.entryCountMax) throw this.#fault("is one of too many");
    const piece = this.#parse(line);
    this.#lines++;
    if (piece !== undefined) pieces.push(piece);
  }

  #parse(line: Buffer): SplitPiece | undefined {
    const { type, position, name, name_raw: rawName, size, payload } = this.#object(line);
    if (position !== this.#lines) throw this.#fault(`has position ${String(position)}, want ${this.#lines}`);
    if (type === 2) return { kind: "raw", bytes: this.#bytes(payload ?? "") };
    if (type !== 1) throw this.#fault("has another type than 1 and 2");
    if (size === undefined || size === 0) return undefined;
    if (typeof size !== "number" || !Number.isSafeInteger(size) || size < 0) throw this.#fault("has a bad size");
    const known = typeof name === "string" && name !== "" ? name : nameFromBytes(this.#bytes(rawName));
    const crc64 = this.#bytes(payload).toString("hex");
    if (crc64.length !== 16) throw this.#fault("has a check sum that is not of 8 bytes");
    return { kind: "file", file: { name: known, sizeBytes: size, crc64 } };
  }

  #object(line: Buffer): Record<string, unknown> {
    let value: unknown;
    try {
      value = JSON.parse(line.toString("utf8"));
    } catch (cause) {
      throw this.#fault("is not JSON", cause);
    }
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
    throw this.#fault("is not an object");
  }

  #bytes(value: unknown): Buffer {
    if (typeof value === "string") return Buffer.from(value, "base64");
    throw this.#fault("lacks bytes in base64");
  }

  #fault(state: string, cause?: unknown): AshlarError {
    const message = `Cannot read tar-split of ${this.#what}: line ${this.#lines + 1} ${state}`;
    return new AshlarError("FORMATS_TAR_SPLIT", message, { cause });
  }
}
