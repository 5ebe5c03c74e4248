// SPDX-License-Identifier: Apache-2.0
import type { PublicKey, SignaturePacket, VerifyMessageResult } from "openpgp";

import { AshlarError } from "../base/index.ts";
import { decodeText, parseArmouredSignature, splitClearsigned } from "./clearsign.ts";
import type { Keyring } from "./keyring.ts";
import { openpgpConfig, rsaBitsMin, strongHashes } from "./openpgp-config.ts";

/** A Release file as a mirror has it: clearsigned, or with its signature beside it. */
export type SignedFile =
  | { readonly kind: "inline"; readonly bytes: Uint8Array }
  | { readonly kind: "detached"; readonly bytes: Uint8Array; readonly signature: Uint8Array };

export interface Verified {
  /** What the signature is about, from the verifier and nowhere else; lines end in LF. */
  readonly text: string;
  /** Fingerprints of the primary keys of the good signatures, sorted, in capitals. */
  readonly signedBy: readonly string[];
}

type VerificationResult = VerifyMessageResult["signatures"][number];

/** A signature may be this much newer than our clock. */
export const clockSkewSeconds = 600;

const signatureCountMax = 64;

/** OpenPGP signature types: over bytes, over text with line ends of any kind. */
const binaryType = 0;
const textType = 1;

/**
 * Verifies who signed a file. At least one signature must be good: by a key of the keyring that was valid
 * when it signed, with a SHA-2 digest, RSA from 2048 bits. Signatures by unknown keys are ignored; a bad
 * one by a known key fails the file. `nowSeconds` is the clock.
 * Throws `FETCH_SIGNATURE_ARMOUR`, `FETCH_SIGNATURE_BAD`, `FETCH_SIGNATURE_MISSING`.
 */
export async function verifySignature(
  file: SignedFile,
  { keyring, nowSeconds, what }: { readonly keyring: Keyring; readonly nowSeconds: number; readonly what: string },
): Promise<Verified> {
  const result = await runVerifier(file, { keyring, nowSeconds, what });
  const verdicts: Verdict[] = [];
  if (result.signatures.length > signatureCountMax) {
    throw new AshlarError(
      "FETCH_SIGNATURE_ARMOUR",
      `Cannot trust ${what}: more than ${signatureCountMax} signatures`,
    );
  }
  for (const signature of result.signatures) {
    verdicts.push(await judge(signature, keyring, file.kind));
  }
  const bad = verdicts.find(({ state }) => state === "bad");
  const because = verdicts.map(
    ({ state, key, why }) => `signature by ${key}: ${state}${why === "" ? "" : `, ${why}`}`,
  );
  if (bad !== undefined) {
    const message = `Cannot trust ${what}: its signature by the known key ${bad.key} is bad, ${bad.why}`;
    throw new AshlarError("FETCH_SIGNATURE_BAD", message, { because });
  }
  const good = verdicts.filter(({ state }) => state === "good");
  if (good.length === 0) {
    throw new AshlarError(
      "FETCH_SIGNATURE_MISSING",
      `Cannot trust ${what}: no good signature by a key of this source`,
      {
        because: because.length > 0 ? because : ["the file holds no signature"],
        hint: "for a third-party archive give its key in signedBy; for a newer Debian release update Ashlar's keyring",
      },
    );
  }
  const signedBy = [...new Set(good.map(({ key }) => key))].sort();
  return { text: textOf(file, result.data), signedBy };
}

async function runVerifier(
  file: SignedFile,
  { keyring, nowSeconds, what }: { readonly keyring: Keyring; readonly nowSeconds: number; readonly what: string },
): Promise<VerifyMessageResult<string | Uint8Array>> {
  const { createMessage, readCleartextMessage, readSignature, verify } = await import("openpgp");
  const verificationKeys = [...keyring.keys];
  const date = new Date((nowSeconds + clockSkewSeconds) * 1000);
  const config = openpgpConfig;
  if (file.kind === "inline") splitClearsigned(file.bytes);
  else decodeText(file.bytes);
  const armoredSignature = file.kind === "detached" ? parseArmouredSignature(file.signature) : "";
  try {
    if (file.kind === "inline") {
      const message = await readCleartextMessage({
        cleartextMessage: Buffer.from(file.bytes).toString("utf8"),
        config,
      });
      return (await verify({ message, verificationKeys, date, config })) as VerifyMessageResult<string>;
    }
    const message = await createMessage({ binary: file.bytes });
    const signature = await readSignature({ armoredSignature, config });
    return await verify({ message, signature, verificationKeys, date, config, format: "binary" });
  } catch (cause) {
    throw new AshlarError(
      "FETCH_SIGNATURE_ARMOUR",
      `Cannot read the signature of ${what}: not an OpenPGP signature`,
      {
        cause,
      },
    );
  }
}

/** The verifier's text; where our own splitter reads the same file otherwise, nobody may use it. */
function textOf(file: SignedFile, data: string | Uint8Array): string {
  if (typeof data !== "string") return decodeText(data);
  const own = splitClearsigned((file as { bytes: Uint8Array }).bytes).text;
  if (own.replace(/[ \t]+$/gm, "") !== data.replace(/[ \t]+$/gm, "")) {
    const message = "Cannot read signed release file: two readings of the signed text differ, want plain lines";
    throw new AshlarError("FETCH_SIGNATURE_ARMOUR", message);
  }
  return `${data}\n`;
}

interface Verdict {
  readonly state: "good" | "bad" | "unknown" | "refused";
  /** Fingerprint of the primary key, or the key's ID where it is unknown. */
  readonly key: string;
  readonly why: string;
}

async function judge(result: VerificationResult, keyring: Keyring, kind: SignedFile["kind"]): Promise<Verdict> {
  const owner = keyring.keys.find((key) => key.getKeys(result.keyID).length > 0);
  if (owner === undefined) return { state: "unknown", key: result.keyID.toHex().toUpperCase(), why: "" };
  const key = owner.getFingerprint().toUpperCase();
  try {
    await result.verified;
  } catch (error) {
    const why = (error as Error).message;
    return { state: isRefusal(why) ? "refused" : "bad", key, why };
  }
  const packet = (await result.signature).packets[0];
  const why = packet === undefined ? "no packet" : weakness(packet, { owner, keyring, kind });
  return { state: why === "" ? "good" : "refused", key, why };
}

/** Genuine signatures that do not count: the mathematics is right, but the key or digest is not fit. */
function isRefusal(why: string): boolean {
  return /key is (expired|revoked)|Insecure (message )?hash|too weak|Signature is expired|^Subkey is/i.test(why);
}

function weakness(
  packet: SignaturePacket,
  {
    owner,
    keyring,
    kind,
  }: { readonly owner: PublicKey; readonly keyring: Keyring; readonly kind: SignedFile["kind"] },
): string {
  const type = packet.signatureType as number | null;
  if (type !== textType && !(type === binaryType && kind === "detached")) return `signature type ${type}`;
  if (!strongHashes.includes(packet.hashAlgorithm as number)) return `digest algorithm ${packet.hashAlgorithm}`;
  const key = owner.getKeys(packet.issuerKeyID)[0];
  if (key === undefined) return "no such key";
  const { bits } = key.getAlgorithmInfo();
  if (bits !== undefined && bits < rsaBitsMin) return `key of ${bits} bits`;
  return keyring.allows(key.getFingerprint(), owner.getFingerprint()) ? "" : "not among the fingerprints of signedBy";
}
