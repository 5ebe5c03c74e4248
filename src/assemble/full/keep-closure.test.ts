// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import type { OwnedTree } from "../merge-trees.ts";
import {
  dumpTree,
  type EntrySpec,
  makeEntries,
  makePackage,
  memoryContents,
} from "../testing/make-package.ts";
import { essentialClosure, keepClosure } from "./keep-closure.ts";

const contents = memoryContents();

/** Paths with who owns them: the word before the colon of a key. */
function root(entries: Readonly<Record<string, EntrySpec>>): OwnedTree {
  const specs = Object.fromEntries(
    Object.entries(entries).map(([key, spec]) => [key.slice(key.indexOf(" ") + 1), spec]),
  );
  const owners = new Map(
    Object.keys(entries)
      .map((key) => key.split(" ") as [string, string])
      .map(([owner, path]) => [path.replace(/\/$/, ""), owner]),
  );
  const tree = makeEntries(specs, contents.putText);
  return { tree, owners: new Map(tree.map(({ path }) => [path, owners.get(path) ?? "tool:amd64"])) };
}

/** What is kept of `app:amd64`, without directories. */
function kept(
  base: Readonly<Record<string, EntrySpec>>,
  more: Readonly<Record<string, EntrySpec>>,
  packages: readonly string[] = ["app:amd64"],
): string[] {
  const input = { base: root(base), whole: root({ ...base, ...more }), kept: new Set(packages), contents };
  return dumpTree(keepClosure(input).tree, contents).filter((line) => !line.includes(" dir "));
}

test("keepClosure keeps what the closure owns and what scripts made or changed after the base was there", () => {
  const base = { "tool:amd64 usr/bin/sh": "sh", "@scripts etc/base.state": "1", "@scripts etc/changed": "1" };
  const more = { "app:amd64 usr/bin/app": "app", "@scripts etc/app.made": "2", "@scripts etc/changed": "2" };
  assert.deepEqual(kept(base, more), [
    '/etc/app.made file 0644 0:0 "2"',
    '/etc/changed file 0644 0:0 "2"',
    '/usr/bin/app file 0644 0:0 "app"',
  ]);
});

test("keepClosure keeps accounts and other files that everybody shares, and no database of a tool", () => {
  const base = {
    "@scripts etc/passwd": "root",
    "@scripts etc/nsswitch.conf": "passwd: files",
    "@scripts etc/.pwd.lock": "",
    "@dpkg var/lib/dpkg/status": "",
  };
  const more = {
    "@dpkg var/lib/dpkg/info/app.list": "",
    "@scripts var/lib/ucf/hashfile": "",
    "@scripts var/cache/debconf/config.dat": "",
  };
  assert.deepEqual(kept(base, more), [
    '/etc/nsswitch.conf file 0644 0:0 "passwd: files"',
    '/etc/passwd file 0644 0:0 "root"',
  ]);
});

test("keepClosure keeps links through others to what is kept, and none that lost its end", () => {
  const base = {
    "tool:amd64 usr/bin/mawk": "awk",
    "@scripts usr/bin/awk": { link: "/etc/alternatives/awk" },
    "@scripts etc/alternatives/awk": { link: "/usr/bin/mawk" },
    "@scripts usr/bin/pager": { link: "/etc/alternatives/pager" },
    "@scripts etc/alternatives/pager": { link: "/usr/bin/less" },
    "app:amd64 usr/bin/less": "less",
    "@skeleton bin": { link: "usr/bin" },
  };
  const more = {
    "@scripts etc/alternatives/sh": { link: "/usr/bin/mawk" },
    "@scripts var/log/app": { link: "/run/app/log" },
    "app:amd64 usr/bin/own": { link: "mawk" },
  };
  assert.deepEqual(kept(base, more), [
    "/bin -> usr/bin",
    "/etc/alternatives/pager -> /usr/bin/less",
    '/usr/bin/less file 0644 0:0 "less"',
    "/usr/bin/own -> mawk",
    "/usr/bin/pager -> /etc/alternatives/pager",
    "/var/log/app -> /run/app/log",
  ]);
});

test("keepClosure keeps what only one program reads exactly where that program is, whenever it was made", () => {
  const base = {
    "@scripts etc/pam.d/common-auth": "auth",
    "@scripts etc/shells": "/bin/sh",
    "@scripts root/.profile": "",
  };
  const more = {
    "app:amd64 usr/bin/app": "",
    "@scripts etc/systemd/system/multi-user.target.wants/app.service": { link: "/usr/bin/app" },
    "@scripts etc/rc2.d/S01app": { link: "/usr/bin/app" },
    "@scripts var/lib/systemd/deb-systemd-helper-enabled/app": "",
    "app:amd64 etc/systemd/own.conf": "",
  };
  assert.deepEqual(kept(base, more), [
    '/etc/systemd/own.conf file 0644 0:0 ""',
    '/usr/bin/app file 0644 0:0 ""',
  ]);
  const all = kept(base, more, ["app:amd64", "systemd:amd64", "dash:amd64", "libpam-runtime:all"]);
  assert.equal(all.length, Object.keys({ ...base, ...more }).length);
});

test("keepClosure keeps directories above what it keeps as they are, and links of a file whose first name goes", () => {
  const base = { "tool:amd64 usr/share/a/": { mode: 0o2775, gid: 8 }, "tool:amd64 usr/share/empty/": {} };
  const more = {
    "tool:amd64 usr/share/a/one": "x",
    "@scripts usr/share/a/two": { hardlink: "usr/share/a/one" },
  };
  const { tree } = keepClosure({
    base: root(base),
    whole: root({ ...base, ...more }),
    kept: new Set(),
    contents,
  });
  assert.deepEqual(dumpTree(tree, contents), [
    "/usr dir 0755 0:0",
    "/usr/share dir 0755 0:0",
    "/usr/share/a dir 2775 0:8",
    '/usr/share/a/two file 0644 0:0 "x"',
  ]);
});

test("essentialClosure is what is Essential, and the tools, with all that they need", () => {
  const made = [
    makePackage("dash", { fields: { Essential: "yes", Depends: "libc6 | musl" } }, contents),
    makePackage("libc6", {}, contents),
    makePackage("helper", { use: "tools", fields: { "Pre-Depends": "libx" } }, contents),
    makePackage("libx", {}, contents),
    makePackage("app", { fields: { Depends: "libc6" } }, contents),
  ];
  const ids = ["dash:amd64", "helper:amd64", "libc6:amd64", "libx:amd64"];
  assert.deepEqual([...essentialClosure(made, contents)].sort(), ids);
});
