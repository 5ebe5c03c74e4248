// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";

import { readCleartextMessage, readKey, readSignature } from "openpgp";
import { type AshlarError, isAshlarError } from "../base/index.ts";
import { type Keyring, openKeyring } from "./keyring.ts";
import { revokedPublicKey } from "./testing/keys.ts";
import { publicKeyOf, signDetached, signInline, type TestKey } from "./testing/sign-archive.ts";
import { type SignedFile, type Verified, verifySignature } from "./verify-signature.ts";

const dateSeconds = Date.UTC(2025, 5, 1) / 1000;
const nowSeconds = dateSeconds + 3600;
const text =
  "Origin: Test\nSuite: fixture\n- dashed\nDate: Sun, 01 Jun 2025 00:00:00 UTC\nSHA256:\n abc 1 main/Packages\n";

async function ring(...names: TestKey[]): Promise<Keyring> {
  return openKeyring((await Promise.all(names.map(publicKeyOf))).join("\n"));
}

async function verify(file: SignedFile | Uint8Array, keyring: Keyring, now = nowSeconds): Promise<Verified> {
  const signed = file instanceof Uint8Array ? ({ kind: "inline", bytes: file } as const) : file;
  return verifySignature(signed, { keyring, nowSeconds: now, what: "the fixture" });
}

function refused(code: string, pattern?: RegExp): (error: AshlarError) => true {
  return (error) => {
    assert.equal(error.code, code, String(error));
    if (pattern !== undefined) assert.match([error.message, ...error.because].join("\n"), pattern);
    return true;
  };
}

describe("verifySignature", () => {
  it("gives the signed text and the primary key's fingerprint, inline and detached", async () => {
    const keyring = await ring("main");
    const print = keyring.keys[0]?.getFingerprint().toUpperCase();
    const inline = await signInline(text, { dateSeconds });
    assert.deepEqual(await verify(inline, keyring), { text, signedBy: [print] });
    const bytes = Buffer.from(text);
    const signature = await signDetached(bytes, { dateSeconds });
    assert.deepEqual(await verify({ kind: "detached", bytes, signature }, keyring), { text, signedBy: [print] });
  });

  it("ignores unknown keys where a known one is good, and wants one good signature", async () => {
    const file = await signInline(text, { dateSeconds, keys: ["stranger", "main"] });
    assert.equal((await verify(file, await ring("main"))).signedBy.length, 1);
    const other = await ring("other");
    await assert.rejects(verify(file, other), refused("FETCH_SIGNATURE_MISSING", /unknown[^]*unknown/));
  });

  it("fails the file for one bad signature by a known key, whatever the others say", async () => {
    const good = Buffer.from(await signInline(text, { dateSeconds, keys: ["main"] })).toString();
    const start = good.indexOf("-----BEGIN PGP SIGNATURE");
    const foreign = await signInline("another text\n", { dateSeconds, keys: ["other"] });
    const message = await readCleartextMessage({ cleartextMessage: Buffer.from(foreign).toString() });
    const first = await readSignature({ armoredSignature: good.slice(start) });
    const second = await readSignature({
      armoredSignature: message.armor().slice(message.armor().indexOf("-----BEGIN PGP SIGNATURE")),
    });
    first.packets.push(...second.packets);
    const both = Buffer.from(good.slice(0, start) + first.armor().replace(/\r/g, ""));
    assert.equal((await verify(both, await ring("main"))).signedBy.length, 1);
    const keyring = await ring("main", "other");
    await assert.rejects(verify(both, keyring), refused("FETCH_SIGNATURE_BAD", /known key/));
  });

  it("refuses one changed byte of text or signature", async () => {
    const keyring = await ring("main");
    const file = Buffer.from(await signInline(text, { dateSeconds })).toString();
    await assert.rejects(
      verify(Buffer.from(file.replace("Origin: Test", "Origin: Tesy")), keyring),
      refused("FETCH_SIGNATURE_BAD"),
    );
    const bytes = Buffer.from(text);
    const signature = await signDetached(bytes, { dateSeconds });
    bytes[3] = 0x61;
    await assert.rejects(verify({ kind: "detached", bytes, signature }, keyring), refused("FETCH_SIGNATURE_BAD"));
  });

  it("refuses weak digests, short RSA keys, keys expired or revoked when they signed", async () => {
    const sha1 = await signDetached(Buffer.from(text), { dateSeconds, keys: ["other"], hash: "sha1" });
    const file = { kind: "detached", bytes: Buffer.from(text), signature: sha1 } as const;
    await assert.rejects(verify(file, await ring("other")), refused("FETCH_SIGNATURE_MISSING", /SHA1/i));
    const weak = await signInline(text, { dateSeconds, keys: ["weak"] });
    await assert.rejects(verify(weak, await ring("weak")), refused("FETCH_SIGNATURE_MISSING", /weak|bits/));
    const revoked = await signInline(text, { dateSeconds, keys: ["revoked"] });
    await assert.rejects(
      verify(revoked, await openKeyring(revokedPublicKey)),
      refused("FETCH_SIGNATURE_MISSING", /revoked/),
    );
    const early = Date.UTC(2024, 0, 10) / 1000;
    const expired = await signInline(text, { dateSeconds: early, keys: ["expired"] });
    assert.equal((await verify(expired, await ring("expired"))).signedBy.length, 1);
  });

  it("refuses signatures from the future", async () => {
    const file = await signInline(text, { dateSeconds });
    await assert.rejects(
      verify(file, await ring("main"), dateSeconds - 700),
      refused("FETCH_SIGNATURE_BAD", /future/),
    );
    assert.equal((await verify(file, await ring("main"), dateSeconds - 500)).signedBy.length, 1);
  });

  it("takes a subkey's fingerprint for that key alone, a primary one for all of its subkeys", async () => {
    const armoured = await publicKeyOf("main");
    const key = await readKey({ armoredKey: armoured });
    const file = await signInline(text, { dateSeconds });
    const primary = key.getFingerprint();
    const subkey = key.subkeys[0]?.getFingerprint() ?? "";
    const all = await openKeyring(armoured);
    const only = (word: string): Keyring => ({
      ...all,
      allows: (print, owner) => [print, `${print}!`, owner].includes(word),
    });
    assert.equal((await verify(file, only(primary))).signedBy.length, 1);
    assert.equal((await verify(file, only(subkey))).signedBy.length, 1);
    await assert.rejects(verify(file, only(`${primary}!`)), refused("FETCH_SIGNATURE_MISSING", /signedBy/));
  });

  it("does without the armour's checksum, which RFC 9580 makes optional and old gpgv wants", async () => {
    const file = Buffer.from(await signInline(text, { dateSeconds })).toString();
    const bytes = Buffer.from(file.replace(/\n=[A-Za-z0-9+/]{4}\n/, "\n"));
    assert.ok(bytes.length < file.length);
    assert.equal((await verify(bytes, await ring("main"))).signedBy.length, 1);
  });

  it("refuses files without a signature and what is no signature", async () => {
    const keyring = await ring("main");
    await assert.rejects(verify(Buffer.from(text), keyring), refused("FETCH_SIGNATURE_ARMOUR"));
    const empty = "-----BEGIN PGP SIGNATURE-----\n\nAAAA\n-----END PGP SIGNATURE-----\n";
    await assert.rejects(
      verify({ kind: "detached", bytes: Buffer.from(text), signature: Buffer.from(empty) }, keyring),
      (error: AshlarError) => /^FETCH_SIGNATURE_/.test(error.code),
    );
  });
});

/** The verdict of Debian's own verifier on the same bytes. */
function gpgv(dir: string, bytes: Uint8Array): boolean {
  const [file, out] = [join(dir, "InRelease"), join(dir, "out")];
  writeFileSync(file, bytes);
  rmSync(out, { force: true });
  return spawnSync("gpgv", ["--keyring", join(dir, "ring.gpg"), "--output", out, file]).status === 0;
}

function needsGpgv(t: TestContext): boolean {
  if (spawnSync("gpgv", ["--version"]).status === 0) return true;
  assert.equal(process.env["CI"], undefined, "gpgv must be there in CI");
  t.skip("needs gpgv");
  return false;
}

describe("verifySignature beside gpgv", () => {
  it("accepts nothing that gpgv refuses, and refuses more only for its form", async (t) => {
    if (!needsGpgv(t)) return;
    const dir = mkdtempSync(join(tmpdir(), "ashlar-gpgv-"));
    try {
      const keyring = await ring("main", "other");
      writeFileSync(join(dir, "ring.gpg"), Buffer.concat(keyring.keys.map((key) => key.write())));
      // Without unknown keys: gpgv's exit status counts them as a failure, apt does not.
      const seed = Buffer.from(await signInline(text, { dateSeconds, keys: ["main", "other"] }));
      assert.equal(gpgv(dir, seed), true, "gpgv accepts the fixture");
      const counts = { good: 0, bad: 0, stricter: 0 };
      for (const [i, bytes] of mutations(seed, 150).entries()) {
        const ours = await verdict(bytes, keyring);
        const theirs = gpgv(dir, bytes);
        if (ours === "good") assert.ok(theirs, `mutation ${i}: only we accept it`);
        else if (theirs) assert.equal(ours, "FETCH_SIGNATURE_ARMOUR", `mutation ${i}: only gpgv accepts it`);
        counts[ours === "good" ? "good" : theirs ? "stricter" : "bad"]++;
      }
      assert.ok(counts.good > 0 && counts.bad > 50 && counts.stricter > 0, JSON.stringify(counts));
    } finally {
      rmSync(dir, { recursive: true });
    }
  });
});

async function verdict(bytes: Uint8Array, keyring: Keyring): Promise<string> {
  try {
    await verify(bytes, keyring, Date.UTC(2026, 0, 1) / 1000);
    return "good";
  } catch (error) {
    if (isAshlarError(error)) return error.code;
    throw error;
  }
}

/** Changes of form first, then single bytes at places spread over the file. */
function mutations(seed: Buffer, count: number): Uint8Array[] {
  const file = seed.toString("utf8");
  const forms = [
    file,
    `junk\n${file}`,
    `${file}junk\n`,
    file.replaceAll("\n", "\r\n"),
    file.replace("Origin: Test\n", "Origin: Test  \n"),
    file.replace("Suite: fixture\n", ""),
    file.replace("Suite: fixture\n", "Suite: fixture\n\n"),
    file.replace("Hash: SHA512", "Hash: SHA384"),
    file.replace(/^Hash: .*\n/m, ""),
    file.replace("- - dashed", "- dashed"),
    file + file,
  ].map((form) => Buffer.from(form));
  const flips = Array.from({ length: count }, (_, i) => {
    const bytes = Buffer.from(seed);
    const at = Math.floor((i * seed.length) / count);
    bytes[at] = (bytes[at] as number) ^ (1 << (i % 7));
    return bytes;
  });
  return [...forms, ...flips];
}
