// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import { caBundle } from "./ca-bundle.ts";
import { certificates } from "./testing/certificates.ts";
import { dumpTree, type EntrySpec, makeEntries, memoryContents } from "./testing/make-package.ts";

const [first, second, third] = certificates as unknown as readonly { hash: string; pem: string }[] as [
  { hash: string; pem: string },
  { hash: string; pem: string },
  { hash: string; pem: string },
];
const mozilla = "usr/share/ca-certificates/mozilla";

function bundle(files: Readonly<Record<string, EntrySpec>>): { texts: Map<string, string>; lines: string[] } {
  const contents = memoryContents();
  const entries = caBundle(makeEntries(files, contents.putText), contents);
  const texts = new Map<string, string>();
  for (const entry of entries) {
    if (entry.type === "file") texts.set(entry.path, Buffer.from(contents.read(entry.content)).toString());
  }
  return { texts, lines: dumpTree(entries) };
}

test("caBundle of a tree without ca-certificates is empty", () => {
  assert.deepEqual(bundle({ "usr/bin/x": "" }), { texts: new Map(), lines: [] });
});

test("caBundle joins certificates in byte order, links each and its hash, and enables all", () => {
  const { texts, lines } = bundle({ [`${mozilla}/b (x).crt`]: first.pem, [`${mozilla}/A.crt`]: second.pem.trimEnd() });
  assert.equal(texts.get("etc/ssl/certs/ca-certificates.crt"), second.pem + first.pem);
  assert.match(texts.get("etc/ca-certificates.conf") as string, /^#.*\n#\nmozilla\/A\.crt\nmozilla\/b \(x\)\.crt\n$/s);
  assert.deepEqual(
    lines.filter((line) => line.includes("->")),
    [
      `/etc/ssl/certs/A.pem -> /${mozilla}/A.crt`,
      `/etc/ssl/certs/b_=x=.pem -> /${mozilla}/b (x).crt`,
      `/etc/ssl/certs/${second.hash}.0 -> A.pem`,
      `/etc/ssl/certs/${first.hash}.0 -> b_=x=.pem`,
    ],
  );
});

test("caBundle numbers hashes that meet, and links neither twins nor files with several certificates", () => {
  const other = first.pem.replace(/^(.+\n.+\n.+\n)/, "$1");
  const twin = bundle({
    [`${mozilla}/A.crt`]: first.pem,
    [`${mozilla}/B.crt`]: other,
    [`${mozilla}/C.crt`]: second.pem + third.pem,
  });
  assert.deepEqual(
    twin.lines.filter((line) => /\.\d+ ->/.test(line)),
    [`/etc/ssl/certs/${first.hash}.0 -> A.pem`],
  );
});

test("caBundle puts certificates of /usr/local last", () => {
  const { texts } = bundle({ [`${mozilla}/z.crt`]: first.pem, "usr/local/share/ca-certificates/a.crt": second.pem });
  assert.equal(texts.get("etc/ssl/certs/ca-certificates.crt"), first.pem + second.pem);
  assert.doesNotMatch(texts.get("etc/ca-certificates.conf") as string, /\na\.crt/);
});

test("caBundle names the file of a certificate it cannot read", () => {
  const damaged = "-----BEGIN CERTIFICATE-----\nMAAA\n-----END CERTIFICATE-----\n";
  assert.throws(() => bundle({ [`${mozilla}/bad.crt`]: damaged }), {
    code: "ASSEMBLE_CERTIFICATE_INVALID",
    message: /mozilla\/bad\.crt/,
  });
});
