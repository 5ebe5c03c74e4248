// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";
import type { Key, PublicKey } from "openpgp";

import { AshlarError, digestOf, hexOf, limits } from "../base/index.ts";
import { openpgpConfig } from "./openpgp-config.ts";

/** The keys that may sign one source. */
export interface Keyring {
  readonly keys: readonly PublicKey[];
  /** Names the set of keys: 16 hexadecimal digits. */
  readonly id: string;
  /** Tells whether a signature by this key (its own and its primary key's fingerprint) counts. */
  allows(fingerprint: string, primary: string): boolean;
}

export interface KeyringOptions {
  /** Reads a key file of the project; absent where there is no project. */
  readonly readKeyFile?: ((path: string) => Uint8Array) | undefined;
}

const debianKeyring = new URL("../../keyrings/debian-archive-keyring.gpg", import.meta.url);
const armourStart = "-----BEGIN PGP PUBLIC KEY BLOCK-----";
const armourEnd = "-----END PGP PUBLIC KEY BLOCK-----";

/**
 * Opens what `signedBy` names: nothing, Debian's archive keys; an armoured block, its keys; fingerprints
 * (40 or 64 hexadecimal digits, `!` behind for exactly this key and not its subkeys), those of Debian's keys;
 * else the key file of that name in the project. There is no global keyring behind it.
 * Throws `FETCH_KEY_INVALID`, `FETCH_KEY_UNKNOWN`.
 */
export async function openKeyring(signedBy: string | undefined, options: KeyringOptions = {}): Promise<Keyring> {
  if (signedBy === undefined) return keyringOf(await debianKeys(), []);
  if (signedBy.includes(armourStart)) return keyringOf(await parseKeys(Buffer.from(signedBy), "signedBy"), []);
  const words = signedBy.split(/[\s,]+/).filter((word) => word !== "");
  if (words.length > 0 && words.every((word) => /^([0-9a-f]{40}|[0-9a-f]{64})!?$/i.test(word))) {
    return keyringOf(
      await debianKeys(),
      words.map((word) => word.toLowerCase()),
    );
  }
  if (options.readKeyFile === undefined) {
    throw new AshlarError(
      "FETCH_KEY_UNKNOWN",
      `Cannot read key file "${signedBy}": there is no project to read it from`,
    );
  }
  return keyringOf(await parseKeys(options.readKeyFile(signedBy), signedBy), []);
}

async function debianKeys(): Promise<PublicKey[]> {
  return parseKeys(readFileSync(debianKeyring), "Debian's archive keyring");
}

async function parseKeys(bytes: Uint8Array, what: string): Promise<PublicKey[]> {
  if (bytes.length > limits.textBytesMax) throw invalidKeys(what);
  const { readKeys } = await import("openpgp");
  const config = openpgpConfig;
  const keys: Key[] = [];
  try {
    const blocks = armouredBlocks(Buffer.from(bytes).toString("utf8"));
    // The library reads the first block only.
    for (const armoredKeys of blocks) keys.push(...(await readKeys({ armoredKeys, config })));
    if (blocks.length === 0) keys.push(...(await readKeys({ binaryKeys: bytes, config })));
  } catch (cause) {
    throw invalidKeys(what, cause);
  }
  if (keys.length === 0) throw invalidKeys(what);
  return keys.map((key) => key.toPublic());
}

function armouredBlocks(text: string): readonly string[] {
  const starts = text.split(armourStart).slice(1);
  return starts.map((rest) => {
    const end = rest.indexOf(armourEnd);
    return armourStart + (end < 0 ? rest : rest.slice(0, end + armourEnd.length));
  });
}

function invalidKeys(what: string, cause?: unknown): AshlarError {
  const message = `Cannot read keys of ${what}: no OpenPGP public keys, want an armoured or binary key file`;
  return new AshlarError("FETCH_KEY_INVALID", message, { cause });
}

function keyringOf(keys: readonly PublicKey[], wanted: readonly string[]): Keyring {
  const known = new Set(keys.flatMap((key) => [key, ...key.subkeys].map((part) => part.getFingerprint())));
  const unknown = wanted.filter((word) => !known.has(word.replace("!", "")));
  if (unknown.length > 0) {
    const message = `Cannot find key ${unknown.join(", ")}: not among Debian's archive keys, want the key itself`;
    throw new AshlarError("FETCH_KEY_UNKNOWN", message, {
      hint: "put the key's file into the project and name it in signedBy, or paste its armoured block",
    });
  }
  const primaries = keys.map((key) => key.getFingerprint()).sort();
  return {
    keys,
    id: hexOf(digestOf(JSON.stringify([primaries, [...wanted].sort()]))).slice(0, 16),
    allows(fingerprint, primary) {
      if (wanted.length === 0) return true;
      return [fingerprint, `${fingerprint}!`, primary].some((word) => wanted.includes(word));
    },
  };
}
