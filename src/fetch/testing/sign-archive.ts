// SPDX-License-Identifier: Apache-2.0
import {
  config as defaults,
  createCleartextMessage,
  createMessage,
  enums,
  type Message,
  PacketList,
  type PrivateKey,
  readKey,
  readPrivateKey,
  sign,
  Signature,
  SignaturePacket,
} from "openpgp";

import { testKeys } from "./keys.ts";

export type TestKey = keyof typeof testKeys;

export interface SignOptions {
  /** Time of the signature. */
  readonly dateSeconds: number;
  /** "main" when absent. */
  readonly keys?: readonly TestKey[];
  /** Detached signatures only: "sha1" makes what nobody should accept. */
  readonly hash?: "sha1";
}

/** The same text, date and keys give the same bytes: the library's random notation is off. */
const config = {
  ...defaults,
  nonDeterministicSignaturesViaNotation: false,
  minRSABits: 1024,
  rejectMessageHashAlgorithms: new Set<number>(),
  showComment: false,
  showVersion: false,
};

async function signingKeys(names: readonly TestKey[]): Promise<PrivateKey[]> {
  return Promise.all(names.map((name) => readPrivateKey({ armoredKey: testKeys[name], config })));
}

function optionsOf({ dateSeconds }: SignOptions): { date: Date; config: typeof config } {
  return { date: new Date(dateSeconds * 1000), config };
}

/** The armoured public key of a test key: what `signedBy` takes. */
export async function publicKeyOf(name: TestKey): Promise<string> {
  return (await readKey({ armoredKey: testKeys[name], config })).toPublic().armor(config);
}

/** An InRelease file: `text` (ends in LF) clearsigned. */
export async function signInline(text: string, options: SignOptions): Promise<Uint8Array> {
  const message = await createCleartextMessage({ text: text.replace(/\n$/, "") });
  const signed = await sign({
    message,
    signingKeys: await signingKeys(options.keys ?? ["main"]),
    ...optionsOf(options),
  });
  return Buffer.from(signed.replace(/\r/g, ""), "utf8");
}

/** A Release.gpg file for the bytes of a Release file. */
export async function signDetached(bytes: Uint8Array, options: SignOptions): Promise<Uint8Array> {
  const message = await createMessage({ binary: bytes });
  const keys = await signingKeys(options.keys ?? ["main"]);
  if (options.hash === "sha1") return signWithSha1(message, keys, options);
  const signed = await sign({ message, signingKeys: keys, detached: true, format: "armored", ...optionsOf(options) });
  return Buffer.from(signed.replace(/\r/g, ""), "utf8");
}

/** The library makes no such signature by itself. */
async function signWithSha1(
  message: Message<Uint8Array>,
  keys: readonly PrivateKey[],
  options: SignOptions,
): Promise<Uint8Array> {
  const packets = new PacketList<SignaturePacket>();
  for (const key of keys) {
    const packet = new SignaturePacket();
    Object.assign(packet, {
      signatureType: enums.signature.binary,
      hashAlgorithm: enums.hash.sha1,
      publicKeyAlgorithm: key.keyPacket.algorithm,
    });
    const { date } = optionsOf(options);
    // The declared type lacks the fifth parameter.
    const signing = packet as unknown as { sign(...values: unknown[]): Promise<void> };
    await signing.sign(key.keyPacket, message.packets[0], date, true, config);
    packets.push(packet);
  }
  return Buffer.from(new Signature(packets).armor().replace(/\r/g, ""), "utf8");
}

/** Signs an archive's files in place: each `dists/SUITE/Release` gets InRelease, or Release.gpg beside it. */
export async function signArchive(
  files: Map<string, Uint8Array>,
  options: SignOptions & { readonly detached?: boolean },
): Promise<void> {
  for (const [path, bytes] of [...files]) {
    if (!/^dists\/.+\/Release$/.test(path)) continue;
    if (options.detached === true) {
      files.set(`${path}.gpg`, await signDetached(bytes, options));
    } else {
      const inline = await signInline(Buffer.from(bytes).toString("utf8"), options);
      files.set(path.replace(/Release$/, "InRelease"), inline);
      files.delete(path);
    }
  }
}
