// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import type { ImagePath } from "../../base/index.ts";
import type { Entry, Tree } from "../../formats/index.ts";
import { dumpTree, makeEntries, makePackage, memoryContents } from "../testing/make-package.ts";
import { describePackage } from "./describe-package.ts";
import { configureScript, preinstScript, runEntries } from "./installation-script.ts";
import { settleRun } from "./settle-run.ts";
import { scriptFault, verifyStatus } from "./verify-status.ts";

const contents = memoryContents();
const tool = describePackage(
  makePackage("tool", { control: { preinst: "#!/bin/sh\n", config: "" } }, contents),
  contents,
);
const files = { script: "true\n", preinsts: [tool], selections: "x x/y string z\n" };

function over(tree: Tree, entries: readonly Entry[]): Tree {
  const all = new Map<ImagePath, Entry>(tree.map((entry) => [entry.path, entry]));
  for (const entry of entries) all.set(entry.path, entry);
  return [...all.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
}

test("settleRun takes back what was there for the run alone, and gives the rest to its owners or the scripts", () => {
  const before = makeEntries(
    { "usr/sbin/start-stop-daemon": { text: "dpkg's", mode: 0o755 }, "etc/a": "1" },
    contents.putText,
  );
  const owners = new Map(before.map(({ path }) => [path, "tool:amd64"]));
  const run = over(before, runEntries(files, contents));
  const made = makeEntries(
    { "etc/made": "", "var/lib/dpkg/info/x.list": "", "etc/a": "2" },
    contents.putText,
  );
  const { tree, owners: after } = settleRun({ tree: before, owners }, over(run, made));
  assert.deepEqual(
    dumpTree(tree, contents).filter((line) => !line.includes(" dir ")),
    [
      '/etc/a file 0644 0:0 "2"',
      '/etc/made file 0644 0:0 ""',
      '/usr/sbin/start-stop-daemon file 0755 0:0 "dpkg\'s"',
      '/var/lib/dpkg/info/x.list file 0644 0:0 ""',
    ],
  );
  const who = (path: string): string | undefined => after.get(path as ImagePath);
  assert.deepEqual(["etc/a", "etc/made", "var/lib/dpkg/info/x.list"].map(who), [
    "tool:amd64",
    "@scripts",
    "@dpkg",
  ]);
});

test("settleRun removes a stub where nothing was before, also when a script changed it", () => {
  const run = makeEntries({ "usr/sbin/policy-rc.d": "changed" }, contents.putText);
  const { tree } = settleRun({ tree: [], owners: new Map() }, run);
  assert.deepEqual(
    tree.map(({ path }) => path),
    ["usr", "usr/sbin"],
  );
});

test("runEntries has a preinst's control files, its config script among them, ready to run", () => {
  const modes = new Map(runEntries(files, contents).map(({ path, mode }) => [path as string, mode]));
  const dir = "var/lib/dpkg/ashlar";
  const wanted = ["0/preinst", "0/config", "0/control", "script", "selections"];
  assert.deepEqual(
    wanted.map((name) => modes.get(`${dir}/${name}`)),
    [0o755, 0o755, 0o644, 0o644, 0o644],
  );
});

test("configureScript names every package with its architecture, in order, and answers before", () => {
  const all = describePackage(makePackage("docs", { architecture: "all" }, contents), contents);
  const text = configureScript({ preinsts: [tool], packages: [tool, all], hasSelections: true });
  assert.match(text, /^preinst 0 tool amd64\n[^]*^debconf-set-selections [^]*--configure tool:amd64 docs$/m);
  assert.doesNotMatch(
    configureScript({ preinsts: [], packages: [all], hasSelections: false }),
    /preinst|debconf/,
  );
});

test("preinstScript answers questions first where debconf is there", () => {
  assert.match(
    preinstScript([tool], true),
    /^if command -v debconf-set-selections [^]*^preinst 0 tool amd64$/m,
  );
  assert.doesNotMatch(preinstScript([tool], false), /debconf/);
});

const stanza = (name: string, status: string): string =>
  `Package: ${name}\nArchitecture: amd64\nStatus: ${status}\n\n`;

function rootWith(status: string): { tree: Tree; owners: Map<ImagePath, string> } {
  return { tree: makeEntries({ "var/lib/dpkg/status": status }, contents.putText), owners: new Map() };
}

test("verifyStatus wants every package installed and says what dpkg calls the others", () => {
  const good = rootWith(stanza("tool", "install ok installed") + stanza("other", "install ok unpacked"));
  verifyStatus(good, [tool], contents);
  for (const [status, said] of [
    [stanza("tool", "install ok triggers-pending"), "tool:amd64 is install ok triggers-pending"],
    [stanza("toolbox", "install ok installed"), "tool:amd64 is not in its database"],
    ["", "tool:amd64 is not in its database"],
  ] as const) {
    assert.throws(() => verifyStatus(rootWith(status), [tool], contents), {
      code: "ASSEMBLE_NOT_INSTALLED",
      because: [said],
    });
  }
});

test("scriptFault names the packages that dpkg or a preinst blame, each once, and keeps the last words", () => {
  const log = [
    "Setting up a (1) ...",
    "no such word",
    "dpkg: error processing package a:amd64 (--configure):",
    " installed a:amd64 package post-installation script subprocess returned error exit status 3",
    "dpkg: error processing package b (--configure):",
    "dpkg: error processing package a:amd64 (--configure):",
    "",
  ].join("\n");
  const { code, message, because, details } = scriptFault(1, Buffer.from(log));
  assert.equal(code, "ASSEMBLE_SCRIPT_FAILED");
  assert.match(message, /of package "a:amd64" and 1 more: exit code 1/);
  assert.deepEqual(details["packages"], ["a:amd64", "b"]);
  assert.ok(because.includes("no such word"));
  const early = scriptFault(7, Buffer.from("x\nashlar: preinst of tool failed: 7\n"));
  assert.match(early.message, /of package "tool": exit code 7/);
  assert.match(scriptFault(137, new Uint8Array()).message, /maintainer scripts: exit code 137/);
});
