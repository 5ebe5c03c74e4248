// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";

import { digestOf } from "../base/index.ts";
import { openKeyring } from "./keyring.ts";
import { publicKeyOf } from "./testing/sign-archive.ts";

/** The keys of keyrings/README.md. */
const debianKeys = [
  "04B54C3CDCA79751B16BC6B5225629DF75B188BD",
  "05AB90340C0C5E797F44A8C8254CF3B5AEC0A8F0",
  "1F89983E0081FDE018F3CC9673A4F27B8DD47936",
  "41587F7DB8C774BCCF131416762F67A0B2C39DE4",
  "4D64FEC119C2029067D6E791F8D2585B8783D481",
  "5E04A1E3223A19A20706E20F9904613D4CCE68C6",
  "A4285295FC7B1A81600062A9605C66F00D6C9793",
  "AC530D520F2F3269F5E98313A48449044AAD5C5D",
  "B8B80B5B623EAB6AD8775C45B7C5D7D6350947F8",
];

describe("openKeyring", () => {
  it("opens Debian's archive keys: those of the README and no others", async () => {
    const keyring = await openKeyring(undefined);
    assert.deepEqual(keyring.keys.map((key) => key.getFingerprint().toUpperCase()).sort(), debianKeys);
    const file = readFileSync(new URL("../../keyrings/debian-archive-keyring.gpg", import.meta.url));
    const sum = "sha256:506b815cbb32d9b6066b4a2aa524071e071761e7e7f68c3ac74f3061ba852017";
    assert.equal(digestOf(file), sum);
    const readme = readFileSync(new URL("../../keyrings/README.md", import.meta.url), "utf8");
    for (const print of debianKeys) assert.ok(readme.replaceAll(" ", "").includes(print), print);
    assert.ok(readme.includes(sum.slice(7)));
  });

  it("takes fingerprints out of Debian's keys, in any case, also of subkeys", async () => {
    const print = debianKeys[4] as string;
    const keyring = await openKeyring(print.toLowerCase());
    assert.equal(keyring.allows("x", print.toLowerCase()), true);
    assert.equal(keyring.allows("x", (debianKeys[0] as string).toLowerCase()), false);
    const exact = await openKeyring(`${print}!`);
    assert.equal(exact.allows("x", print.toLowerCase()), false);
    assert.equal(exact.allows(print.toLowerCase(), print.toLowerCase()), true);
    await openKeyring("4CB50190207B4758A3F73A796ED0E7B82643E131");
    await assert.rejects(openKeyring("0".repeat(40)), { code: "FETCH_KEY_UNKNOWN" });
  });

  it("takes an armoured block or a key file of the project, and each set has its own id", async () => {
    const armoured = await publicKeyOf("main");
    const inline = await openKeyring(armoured);
    const file = await openKeyring("keys/main.asc", { readKeyFile: () => Buffer.from(armoured) });
    const binary = await openKeyring("main.gpg", { readKeyFile: () => inline.keys[0]?.write() ?? Buffer.alloc(0) });
    assert.equal(inline.keys.length, 1);
    assert.deepEqual([file.id, binary.id], [inline.id, inline.id]);
    const two = await openKeyring(`${armoured}\nbetween\n${await publicKeyOf("other")}`);
    assert.equal(two.keys.length, 2);
    assert.notEqual(inline.id, (await openKeyring(undefined)).id);
    await assert.rejects(openKeyring("keys/main.asc"), { code: "FETCH_KEY_UNKNOWN" });
  });

  it("refuses what holds no keys", async () => {
    for (const text of [
      "",
      "hello",
      "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nAAAA\n-----END PGP PUBLIC KEY BLOCK-----\n",
    ]) {
      await assert.rejects(
        openKeyring("k", { readKeyFile: () => Buffer.from(text) }),
        { code: "FETCH_KEY_INVALID" },
        text,
      );
    }
  });
});
