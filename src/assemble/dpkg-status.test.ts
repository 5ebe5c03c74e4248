// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { dpkgStatus } from "./dpkg-status.ts";
import { mergeTrees } from "./merge-trees.ts";
import { makePackage, memoryContents, type PackageSpec } from "./testing/make-package.ts";

function status(specs: Readonly<Record<string, PackageSpec>>): Map<string, string> {
  const contents = memoryContents();
  const packages = Object.entries(specs).map(([key, spec]) => makePackage(key.split("/")[0] as string, spec, contents));
  const owned = mergeTrees(packages, { contents });
  const texts = new Map<string, string>();
  for (const { entry } of dpkgStatus(packages, owned, { layout: { usrMerged: true, runLinked: true }, contents })) {
    if (entry.type === "file") texts.set(entry.path, Buffer.from(contents.read(entry.content)).toString());
  }
  return texts;
}

const hello: PackageSpec = {
  version: "2.10-3",
  files: { "usr/bin/hello": "program", "etc/hello.conf": "setting\n" },
  fields: { Depends: "libc6 (>= 2.34)", Source: "hello-src (2.10)" },
  control: {
    md5sums: `${"a".repeat(32)}  bin/hello\n${"b".repeat(32)}  usr/share/doc/hello/README\n`,
    conffiles: "/etc/hello.conf\n/etc/gone.conf\nremove-on-upgrade /etc/old\n",
  },
};

test("dpkgStatus writes the stanza as installed, with the md5 of conffiles that are there", () => {
  const texts = status({ hello });
  assert.equal(
    texts.get("var/lib/dpkg/status.d/hello"),
    "Package: hello\nStatus: install ok installed\nVersion: 2.10-3\nArchitecture: amd64\n" +
      "Maintainer: A <a@example.com>\n" +
      "Depends: libc6 (>= 2.34)\nSource: hello-src (2.10)\nDescription: hello\n more\n" +
      "Conffiles:\n /etc/hello.conf 2c1d4f59f062ce424618f4d25961fb76\n",
  );
});

test("dpkgStatus keeps the md5sums of files that are in the image, by their merged paths", () => {
  assert.equal(status({ hello }).get("var/lib/dpkg/status.d/hello.md5sums"), `${"a".repeat(32)}  usr/bin/hello\n`);
});

test("dpkgStatus does not list packages that are only data, and writes nothing where there are none", () => {
  assert.deepEqual([...status({ hello: { use: "data" } }).keys()], []);
});

test("dpkgStatus tells architectures of a package apart", () => {
  const fields = { "Multi-Arch": "same" };
  assert.deepEqual(
    [...status({ "lib/1": { fields }, "lib/2": { fields, architecture: "i386" } }).keys()],
    [
      "var/lib/dpkg/status.d/lib",
      "var/lib/dpkg/status.d/lib.md5sums",
      "var/lib/dpkg/status.d/lib:i386",
      "var/lib/dpkg/status.d/lib:i386.md5sums",
    ],
  );
});

test("dpkgStatus does not let a package say what its status is, nor add a second package", () => {
  const control =
    "Package: p\nStatus: deinstall ok not-installed\nConffiles:\n /etc/shadow 0\n" +
    "Version: 1\n\nPackage: q\nVersion: 1\n";
  const text = status({ p: { control: { control } } }).get("var/lib/dpkg/status.d/p");
  assert.equal(text, "Package: p\nStatus: install ok installed\nVersion: 1\n");
});

test("dpkgStatus refuses a package without a stanza", () => {
  assert.throws(() => status({ p: { control: { control: "\n\n" } } }), {
    code: "ASSEMBLE_PACKAGE_INVALID",
    message: /"p"/,
  });
});

test("dpkgStatus is read by dpkg-query", (t) => {
  if (spawnSync("dpkg-query", ["--version"]).status !== 0) {
    assert.equal(process.env["CI"], undefined, "dpkg-query is missing");
    return t.skip("needs dpkg-query");
  }
  const dir = mkdtempSync(join(tmpdir(), "ashlar-status-"));
  try {
    mkdirSync(join(dir, "updates"));
    mkdirSync(join(dir, "info"));
    const texts = status({ hello, other: { version: "1:2~rc1" } });
    const stanzas = [...texts].filter(([path]) => !path.endsWith(".md5sums")).map(([, text]) => text);
    writeFileSync(join(dir, "status"), stanzas.join("\n"));
    const args = [`--admindir=${dir}`, "-W", "-f", "${Package} ${Version} ${source:Package} ${db:Status-Abbrev}\n"];
    const result = spawnSync("dpkg-query", args, { encoding: "utf8" });
    assert.equal(result.stdout, "hello 2.10-3 hello-src ii \nother 1:2~rc1 other ii \n");
  } finally {
    rmSync(dir, { recursive: true });
  }
});
