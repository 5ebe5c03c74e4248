// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import { statusStanza } from "./status-stanza.ts";

const options = {
  status: "install ok unpacked",
  conffiles: [" /etc/a newconffile", " /etc/b c x newconffile"],
};

test("statusStanza keeps the control file word for word and adds what dpkg adds", () => {
  const control = "\nPackage: a\nDepends: b,\n  c\nDescription: d\n e\n .\n f\n\n";
  assert.equal(
    statusStanza(control, options),
    "Package: a\nStatus: install ok unpacked\nDepends: b,\n  c\nDescription: d\n e\n .\n f\n" +
      "Conffiles:\n /etc/a newconffile\n /etc/b c x newconffile\n",
  );
  assert.equal(
    statusStanza("Package: a", { status: "install ok installed", conffiles: [] }),
    "Package: a\nStatus: install ok installed\n",
  );
});

test("statusStanza drops fields that are dpkg's alone, with their further lines", () => {
  const control =
    "Package: a\nStatus: install ok installed\nConffiles:\n /x y\nVersion: 1\nconfig-version: 2\n";
  assert.equal(
    statusStanza(control, { ...options, conffiles: [] }),
    "Package: a\nStatus: install ok unpacked\nVersion: 1\n",
  );
});

test("statusStanza has nothing for a text without a stanza", () => {
  for (const text of ["", "\n \n", " continued\n", "no field\n"])
    assert.equal(statusStanza(text, options), undefined);
});

test("statusStanza makes one stanza of any text, never two", () => {
  const line = fc.constantFrom("Package: a", " more", "", "\t", "X: y", "Status: z", " .");
  fc.assert(
    fc.property(fc.array(line), (lines) => {
      const made = statusStanza(lines.join("\n"), options);
      if (made === undefined) return;
      assert.equal(made.match(/^Status: /gm)?.length, 1);
      assert.ok(!/\n[ \t]*\n./.test(made), JSON.stringify(made));
      assert.ok(made.endsWith("\n"));
    }),
  );
});
