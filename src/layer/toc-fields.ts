// SPDX-License-Identifier: Apache-2.0
import { AshlarError, type Digest, isDigest, limits } from "../base/index.ts";

/** The document of a table of contents, version 1; its entries are not looked at. Throws `LAYER_TOC_INVALID`. */
export function parseTocDocument(bytes: Uint8Array): {
  readonly entries: readonly unknown[];
  readonly tarSplitDigest: unknown;
} {
  const document = parseJson(bytes);
  if (document["version"] !== 1) throw tocInvalid("its version is not 1");
  const entries = document["entries"];
  if (!Array.isArray(entries)) throw tocInvalid("it has no entries");
  if (entries.length > limits.entryCountMax) throw tocInvalid(`it has more than ${limits.entryCountMax} entries`);
  return { entries: entries as unknown[], tarSplitDigest: document["tarSplitDigest"] };
}

function parseJson(bytes: Uint8Array): Record<string, unknown> {
  let value: unknown;
  // An object of two characters takes some fifty bytes of memory.
  if (countOpening(bytes) > limits.entryCountMax) throw tocInvalid(`it has more than ${limits.entryCountMax} objects`);
  try {
    value = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("utf8"));
  } catch (cause) {
    throw tocInvalid("it is not JSON", cause);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw tocInvalid("it is no object");
  return value as Record<string, unknown>;
}

function countOpening(bytes: Uint8Array): number {
  let count = 0;
  for (let i = 0; i < bytes.length; i++) if (bytes[i] === 0x7b || bytes[i] === 0x5b) count++;
  return count;
}

/** Reads the fields of one entry; absent ones are 0 or empty. */
export class TocFields {
  readonly #values: Record<string, unknown>;
  readonly #number: number;

  constructor(value: unknown, number: number) {
    this.#number = number;
    if (typeof value !== "object" || value === null) throw this.fault("it is no object");
    this.#values = value as Record<string, unknown>;
  }

  text(key: string): string {
    const value = this.#values[key] ?? "";
    if (typeof value === "string") return value;
    throw this.fault(key);
  }

  count(key: string): number {
    const value = this.#values[key] ?? 0;
    if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
    throw this.fault(key);
  }

  digest(key: string): Digest {
    const value = this.text(key);
    if (isDigest(value)) return value;
    throw this.fault(key);
  }

  /** A time in whole seconds; what a tar header cannot say either is cut off. */
  seconds(key: string): number {
    const value = this.text(key);
    if (value === "") return 0;
    const ms = Date.parse(value);
    if (Number.isNaN(ms)) throw this.fault(key);
    return Math.floor(ms / 1000);
  }

  texts(key: string): Record<string, string> | undefined {
    const value = this.#values[key];
    if (value === undefined || value === null) return undefined;
    if (typeof value !== "object" || !Object.values(value).every((item) => typeof item === "string")) {
      throw this.fault(key);
    }
    return Object.keys(value).length === 0 ? undefined : (value as Record<string, string>);
  }

  fault(what: string): AshlarError {
    return tocInvalid(`entry ${this.#number}: ${what}`);
  }
}

/** The largest frame, stored or not, that a table may name: it is in memory whole, and may be a bomb. */
const frameBytesMax = 32 << 20;

/** Throws `LAYER_TOC_INVALID` with the entry's number where a frame is larger than a reader can hold. */
export function verifyFrameSize(fields: TocFields, sizeBytes: number): void {
  if (sizeBytes > frameBytesMax) throw fields.fault(`a frame has more than ${frameBytesMax} bytes`);
}

export function tocInvalid(fault: string, cause?: unknown): AshlarError {
  return new AshlarError("LAYER_TOC_INVALID", `Cannot read table of contents: ${fault}`, { cause });
}
