// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { type ImagePath } from "../../base/index.ts";
import { makeTree } from "../../formats/index.ts";
import { dumpTree, makeEntries } from "../testing/make-package.ts";
import { type Files, ruleContents as contents, ruled } from "../testing/rule-tree.ts";
import { applyRules, rules } from "./apply-rules.ts";

/** The files and links that are left, as text. */
function left(made: Files, shipped?: Files): string[] {
  return dumpTree(ruled(made, shipped).tree, contents).filter((line) => !line.includes(" dir "));
}

const plain = (path: string, text = ""): string => `/${path} file 0644 0:0 ${JSON.stringify(text)}`;

test("applyRules leaves what packages ship as it is, at whatever path", () => {
  const shipped = {
    "var/log/dpkg.log": "old",
    "etc/machine-id": "0123",
    "etc/ssh/ssh_host_rsa_key": "-----BEGIN PRIVATE KEY-----\n",
    "etc/shadow": "root:*:19000::::::\n",
    "var/cache/ldconfig/aux-cache": "x",
    "var/lib/apt/extended_states": "Package: b\n\nPackage: a\n\n",
  };
  const result = ruled({}, shipped);
  assert.deepEqual(result, { tree: result.tree, applied: [], secrets: [] });
  assert.deepEqual(result.tree, makeEntries(shipped, contents.putText));
});

test("applyRules leaves a file of a package whose mode or owner a script changed", () => {
  const key = "-----BEGIN PRIVATE KEY-----\nfor tests\n";
  const result = ruled(
    { "usr/share/tool/test.key": { text: key, mode: 0o600 } },
    { "usr/share/tool/test.key": key },
  );
  assert.deepEqual([result.applied, result.secrets], [[], []]);
});

test("package-logs removes the logs of dpkg, apt and their tools", () => {
  const logs = [
    "dpkg.log",
    "alternatives.log",
    "bootstrap.log",
    "fontconfig.log",
    "apt/history.log",
    "apt/eipp.log.xz",
  ];
  const made = Object.fromEntries(logs.map((name) => [`var/log/${name}`, "2026-11-21 09:51 x"]));
  assert.deepEqual(left(made), []);
  assert.deepEqual(new Set(ruled(made).applied.map(({ rule }) => rule)), new Set(["package-logs"]));
});

test("service-logs empties other logs, keeps their owner and mode, and keeps empty ones", () => {
  const made = {
    "var/log/btmp": { mode: 0o660, gid: 43 },
    "var/log/tool/error.log": { text: "started", mode: 0o640, uid: 33, gid: 4 },
    "var/log/journal/1/system.journal": "LPKSHHRH",
  };
  assert.deepEqual(left(made), [
    '/var/log/btmp file 0660 0:43 ""',
    '/var/log/tool/error.log file 0640 33:4 ""',
  ]);
});

test("apt-caches removes caches, downloads and lists, and keeps the directories and locks", () => {
  const made = {
    "var/cache/apt/pkgcache.bin": "x",
    "var/cache/apt/archives/less_590_amd64.deb": "x",
    "var/cache/apt/archives/partial/x.deb": "x",
    "var/cache/apt/archives/lock": "",
    "var/lib/apt/lists/archive_InRelease": "x",
    "var/lib/apt/lists/lock": "",
    "var/lib/apt/lists/partial/": {},
  };
  assert.deepEqual(left(made), [plain("var/cache/apt/archives/lock"), plain("var/lib/apt/lists/lock")]);
  assert.ok(ruled(made).tree.some(({ path }) => path === "var/lib/apt/lists/partial"));
});

test("ldconfig-aux-cache and font-cache go; ld.so.cache stays", () => {
  const made = {
    "etc/ld.so.cache": "glibc-ld.so.cache1.1",
    "var/cache/ldconfig/aux-cache": "x",
    "var/cache/fontconfig/3830d5c3-le64.cache-8": "x",
    "var/cache/fontconfig/CACHEDIR.TAG": "Signature",
  };
  assert.deepEqual(left(made), [
    plain("etc/ld.so.cache", "glibc-ld.so.cache1.1"),
    plain("var/cache/fontconfig/CACHEDIR.TAG", "Signature"),
  ]);
});

test("man-cache removes all that mandb made, and keeps the directory of the package", () => {
  const made = {
    "var/cache/man/index.db": "x",
    "var/cache/man/de/cat1/x": "x",
    "var/cache/man/CACHEDIR.TAG": "x",
  };
  const paths = ruled(made, { "var/cache/man/": {} }).tree.map(({ path }) => path);
  assert.deepEqual(paths, ["var", "var/cache", "var/cache/man"]);
});

test("machine-id empties systemd's and links D-Bus's to it, or removes it where there is no systemd", () => {
  const id = "0123456789abcdef0123456789abcdef\n";
  assert.deepEqual(left({ "etc/machine-id": { text: id, mode: 0o444 }, "var/lib/dbus/machine-id": id }), [
    '/etc/machine-id file 0444 0:0 ""',
    "/var/lib/dbus/machine-id -> /etc/machine-id",
  ]);
  assert.deepEqual(left({ "var/lib/dbus/machine-id": id }), []);
  const linked = { "etc/machine-id": "", "var/lib/dbus/machine-id": { link: "/etc/machine-id" } };
  assert.deepEqual(ruled(linked).applied, []);
});

test("backups removes the states before the last step", () => {
  const paths = [
    "etc/passwd-",
    "etc/gshadow-",
    "etc/subuid-",
    "var/lib/dpkg/status-old",
    "var/lib/dpkg/diversions-old",
  ];
  const made = Object.fromEntries([...paths, "var/cache/debconf/config.dat-old"].map((path) => [path, "x"]));
  assert.deepEqual(left({ ...made, "etc/passwd": "x", "etc/app-": "x" }), [
    plain("etc/app-", "x"),
    plain("etc/passwd", "x"),
  ]);
});

test("locks keeps empty locks, empties those with a number, and removes stale ones", () => {
  const made = {
    "etc/.pwd.lock": "",
    "var/lib/dpkg/lock": "4711\n",
    "etc/passwd.lock": "4711",
    "etc/group.4711": "4711",
  };
  assert.deepEqual(left(made), [plain("etc/.pwd.lock"), plain("var/lib/dpkg/lock")]);
});

test("dpkg-temporaries removes dpkg's journal and what it was in the middle of", () => {
  const made = {
    "var/lib/dpkg/updates/0001": "x",
    "var/lib/dpkg/tmp.ci/control": "x",
    "var/lib/dpkg/status-new": "x",
    "var/lib/dpkg/status": "x",
    "etc/ld.so.cache~": "x",
  };
  assert.deepEqual(left(made, { "var/lib/dpkg/updates/": {} }), [plain("var/lib/dpkg/status", "x")]);
});

test("shadow-dates sets days to the epoch's, and keeps 0 (must be changed), none and every other field", () => {
  const text =
    "root:*:20779:0:99999:7:::\nweb:!:0:0:99999:7:::\nold:!:3652::::::\nsys:*:::::::\nn:\xff:9::::::\n";
  const [line] = left({ "etc/shadow": { text, mode: 0o640, gid: 42 } });
  const want =
    "root:*:3652:0:99999:7:::\nweb:!:0:0:99999:7:::\nold:!:3652::::::\nsys:*:::::::\nn:\xff:3652::::::\n";
  assert.equal(line, `/etc/shadow file 0640 0:42 ${JSON.stringify(want)}`);
});

test("extended-states sorts by package and architecture", () => {
  const stanza = (name: string, architecture: string): string =>
    `Package: ${name}
Architecture: ${architecture}
Auto-Installed: 1

`;
  const text = stanza("b", "i386") + stanza("b", "amd64") + stanza("a", "amd64");
  const [line] = left({ "var/lib/apt/extended_states": text });
  assert.match(
    line ?? "",
    /Package: a.*Package: b\\nArchitecture: amd64.*Package: b\\nArchitecture: i386.*Auto-Installed: 1\\n\\n"$/,
  );
});

test("generated-text drops dates and random numbers from known files and no others", () => {
  const mdadm =
    "DEVICE partitions\n# This configuration was auto-generated on Sat, 21 Nov 2026 09:51:00 +0000 by mkconf\n";
  const popcon = 'PARTICIPATE="no"\nMY_HOSTID="0123456789abcdef"\nDAY="4"\n';
  const cron = "SHELL=/bin/sh\n57 2 * * *   root    test -x /etc/cron.daily/popularity-contest\n";
  assert.deepEqual(
    left({
      "etc/cron.d/popularity-contest": cron,
      "etc/cron.d/x": cron,
      "etc/mdadm/mdadm.conf": mdadm,
      "etc/popularity-contest.conf": popcon,
      "etc/x.conf": popcon,
    }),
    [
      plain("etc/cron.d/popularity-contest", cron.replace("57 2", "0 0")),
      plain("etc/cron.d/x", cron),
      plain("etc/mdadm/mdadm.conf", "DEVICE partitions\n# This configuration was auto-generated by mkconf\n"),
      plain("etc/popularity-contest.conf", 'PARTICIPATE="no"\nMY_HOSTID=""\nDAY="0"\n'),
      plain("etc/x.conf", popcon),
    ],
  );
});

test("applyRules is done after one time, and gives the same whatever else is in the tree", () => {
  const made = {
    "etc/machine-id": "x",
    "var/log/dpkg.log": "x",
    "etc/shadow": "a:*:9::::::\n",
    "etc/ssh/ssh_host_x_key": "x",
  };
  const once = ruled(made);
  const twice = applyRules({
    before: [],
    after: once.tree,
    contents,
    owners: new Map<ImagePath, string>(),
    by: "packages",
  });
  assert.deepEqual(twice, { tree: once.tree, applied: [], secrets: [] });
  const more = makeTree([...makeEntries({ "usr/bin/x": "y" }, contents.putText), ...once.tree]);
  assert.deepEqual(ruled({ ...made, "usr/bin/x": "y" }).tree, more);
});

test("rules have names of their own, a reason each, and a section in docs/determinism-rules.md", () => {
  const names = rules.map(({ name }) => name);
  assert.equal(new Set(names).size, names.length);
  const page = readFileSync(join(import.meta.dirname, "../../../docs/determinism-rules.md"), "utf8");
  for (const { name, why } of rules)
    assert.ok(page.includes(`| \`${name}\` | ${why} |`), `docs lack ${name}`);
});
