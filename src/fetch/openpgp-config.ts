// SPDX-License-Identifier: Apache-2.0
import type { PartialConfig } from "openpgp";

/** OpenPGP numbers (RFC 9580 sections 9.1, 9.5), written out so that the library loads only when needed. */
const hashes = { md5: 1, sha1: 2, ripemd: 3 };
const keys = { elgamal: 16, dsa: 17 };

/** Digests of signatures that count: SHA-256, SHA-384, SHA-512. */
export const strongHashes: readonly number[] = [8, 9, 10];

export const rsaBitsMin = 2048;

/** What we refuse is written here and does not depend on the library's defaults. */
export const openpgpConfig: PartialConfig = {
  minRSABits: rsaBitsMin,
  rejectPublicKeyAlgorithms: new Set([keys.elgamal, keys.dsa]),
  rejectHashAlgorithms: new Set([hashes.md5, hashes.ripemd]),
  rejectMessageHashAlgorithms: new Set([hashes.md5, hashes.sha1, hashes.ripemd]),
  allowInsecureVerificationWithReformattedKeys: false,
  showComment: false,
  showVersion: false,
};
