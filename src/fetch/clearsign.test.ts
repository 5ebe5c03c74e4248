// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { splitClearsigned } from "./clearsign.ts";
import { signInline } from "./testing/sign-archive.ts";

const text = "Origin: Test\nDate: x\n- dash\n-----BEGIN PGP SIGNATURE-----\nSHA256:\n a 1 b\n";
const signed = Buffer.from(await signInline(text, { dateSeconds: 1_750_000_000 })).toString("utf8");

function refuses(file: string | Uint8Array, pattern: RegExp): void {
  assert.throws(
    () => splitClearsigned(Buffer.from(file)),
    (error: { code?: string; message?: string }) => {
      assert.equal(error.code, "FETCH_SIGNATURE_ARMOUR");
      assert.match(error.message ?? "", pattern);
      return true;
    },
  );
}

describe("splitClearsigned", () => {
  it("gives the text with its dashes and the signature by itself", () => {
    const parts = splitClearsigned(Buffer.from(signed));
    assert.equal(`${parts.text}\n`, text);
    assert.match(parts.signature, /^-----BEGIN PGP SIGNATURE-----\n[^-]*-----END PGP SIGNATURE-----\n$/);
  });

  it("refuses anything before and after the armour", () => {
    refuses(`Origin: Evil\n${signed}`, /line 1/);
    refuses(`\n${signed}`, /line 1/);
    refuses(`\ufeff${signed}`, /separator/);
    refuses(`${signed}\nOrigin: Evil\n`, /after the armour/);
    refuses(`${signed}${signed}`, /after the armour/);
    refuses(signed.trimEnd(), /last line/);
  });

  it("refuses headers other than Hash with SHA-2, and a text without an empty line before it", () => {
    refuses(signed.replace("Hash: SHA512", "Hash: SHA1"), /Hash/);
    refuses(signed.replace("Hash: SHA512", "Comment: x"), /Hash/);
    refuses(signed.replace("Hash: SHA512\n\n", "Hash: SHA512\n"), /Hash/);
    refuses(signed.replace("Hash: SHA512\n\n", "Hash: SHA512\n \n"), /Hash/);
  });

  it("refuses line ends and characters that readers treat differently", () => {
    refuses(signed.replaceAll("\n", "\r\n"), /carriage/);
    for (const char of ["\0", "\r", "\v", "\u2028", "\u0085"])
      refuses(signed.replace("Origin: Test", `Origin: T${char}`), /separator/);
    refuses(
      Buffer.concat([Buffer.from(signed.slice(0, 60)), Buffer.from([0xff]), Buffer.from(signed.slice(60))]),
      /UTF-8/,
    );
  });

  it("refuses dashes that are not escaped (CVE-2016-1252)", () => {
    refuses(signed.replace("- -----BEGIN", "-----BEGIN"), /base64|header|empty line/);
    refuses(signed.replace("Origin: Test", "-Origin: Test"), /dash/);
  });

  it("refuses a signature that is cut, not base64, or has a wrong checksum", () => {
    refuses(signed.replace(/-----END[^]*/, ""), /END/);
    refuses(signed.replace(/\n\n(?=[A-Za-z0-9+/]{60})/, "\n\n!"), /base64/);
    assert.match(signed, /\n=[A-Za-z0-9+/]{4}\n/);
    refuses(signed.replace(/\n=[A-Za-z0-9+/]{4}\n/, "\n=AAAA\n"), /checksum/);
  });
});
