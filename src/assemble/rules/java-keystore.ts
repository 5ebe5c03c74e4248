// SPDX-License-Identifier: Apache-2.0
import { createHash } from "node:crypto";

import type { Rule } from "./rule.ts";

/** The password of every keystore that holds nothing secret, by convention. */
const password = Buffer.from("changeit", "utf16le").swap16();
const checksumBytes = 20;

export const javaKeystore: Rule = {
  name: "java-keystore",
  why: "the store of CA certificates for Java notes when each was added",
  apply(root) {
    const file = root.madeFile("etc/ssl/certs/java/cacerts");
    const bytes = file === undefined ? undefined : root.read(file);
    const fixed = bytes === undefined ? undefined : withoutDates(bytes);
    return file === undefined || fixed === undefined
      ? []
      : root.rewrite(file, fixed, "dates of entries set to 0");
  },
};

/**
 * A JKS store of certificates with all dates 0; undefined for anything else. Format: `feedfeed`, version 2,
 * count, then entries (tag 2, alias, milliseconds, type, certificate; texts with 2 bytes of length, the
 * certificate with 4), then SHA-1 over password, a fixed phrase and all before it.
 */
export function withoutDates(bytes: Uint8Array): Uint8Array | undefined {
  const store = Buffer.from(bytes);
  const end = store.length - checksumBytes;
  if (end < 12 || store.readUInt32BE(0) !== 0xfeedfeed || store.readUInt32BE(4) !== 2) return undefined;
  if (!store.subarray(end).equals(checksum(store.subarray(0, end)))) return undefined;
  let at = 12;
  for (let left = store.readUInt32BE(8); left > 0; left--) {
    const date = trustedDate(store, at, end);
    if (date === undefined) return undefined;
    store.fill(0, date, date + 8);
    at = afterEntry(store, date + 8, end);
    if (at > end) return undefined;
  }
  if (at !== end) return undefined;
  checksum(store.subarray(0, end)).copy(store, end);
  return store;
}

/** Where the date of a trusted certificate that starts at `at` stands. */
function trustedDate(store: Buffer, at: number, end: number): number | undefined {
  if (at + 6 > end || store.readUInt32BE(at) !== 2) return undefined;
  const date = at + 6 + store.readUInt16BE(at + 4);
  return date + 8 > end ? undefined : date;
}

/** The end of type and certificate; beyond `end` where they are cut. */
function afterEntry(store: Buffer, at: number, end: number): number {
  if (at + 2 > end) return end + 1;
  const length = at + 2 + store.readUInt16BE(at);
  return length + 4 > end ? end + 1 : length + 4 + store.readUInt32BE(length);
}

function checksum(body: Buffer): Buffer {
  return createHash("sha1").update(password).update("Mighty Aphrodite").update(body).digest();
}
