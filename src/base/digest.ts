// SPDX-License-Identifier: Apache-2.0
import { createHash, hash } from "node:crypto";

import { AshlarError } from "./error.ts";

/** `sha256:` and 64 lower-case hexadecimal digits; made only by the functions of this file. */
export type Digest = string & { readonly __brand: "Digest" };

const pattern = /^sha256:[0-9a-f]{64}$/;

/** Parses the text form of a digest. Throws `DIGEST_INVALID`. (OCI image-spec v1.1, descriptor.md) */
export function parseDigest(text: string): Digest {
  if (pattern.test(text)) return text as Digest;
  const shown = text.length > 100 ? `${text.slice(0, 100)}...` : text;
  throw new AshlarError(
    "DIGEST_INVALID",
    `Cannot read digest "${shown}": want sha256: and 64 lower-case hex digits`,
  );
}

export function isDigest(text: string): text is Digest {
  return pattern.test(text);
}

/** The digest of some bytes (a string counts as UTF-8). */
export function digestOf(bytes: Uint8Array | string): Digest {
  return `sha256:${hash("sha256", bytes, "hex")}` as Digest;
}

/** The digest whose 64 hexadecimal digits are given. Throws `DIGEST_INVALID`. */
export function digestFromHex(hex: string): Digest {
  return parseDigest(`sha256:${hex}`);
}

/** The 32 raw bytes of a digest. */
export function digestBytes(digest: Digest): Uint8Array {
  return Buffer.from(digest.slice(7), "hex");
}

/** The digest of 32 raw bytes. */
export function digestFromBytes(bytes: Uint8Array): Digest {
  if (bytes.length !== 32) throw new Error("internal error: a sha256 has 32 bytes");
  return `sha256:${Buffer.from(bytes.buffer, bytes.byteOffset, 32).toString("hex")}` as Digest;
}

/** The 64 hexadecimal digits alone. */
export function hexOf(digest: Digest): string {
  return digest.slice(7);
}

/** Hashes in pieces: `update` any number of times, then `digest` once. */
export class Hasher {
  readonly #hash = createHash("sha256");
  sizeBytes = 0;

  update(bytes: Uint8Array): void {
    this.#hash.update(bytes);
    this.sizeBytes += bytes.length;
  }

  digest(): Digest {
    return `sha256:${this.#hash.digest("hex")}` as Digest;
  }
}

/** The digest of no bytes at all. */
export const emptyDigest = digestOf("");
