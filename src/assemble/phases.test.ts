// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import { isAshlarError } from "../base/index.ts";
import type { Tree } from "../formats/index.ts";
import type { ImageDocument } from "../spec/index.ts";
import { inspectContent } from "./content-facts.ts";
import type { UnpackedPackage } from "./content.ts";
import { phaseDifference } from "./phase-difference.ts";
import { assemblePhases, type PhaseInput } from "./phases.ts";
import { memoryProject } from "./project-files.ts";
import { applyLayer } from "./testing/apply-layer.ts";
import { dumpTree, makePackage, memoryContents, type PackageSpec } from "./testing/make-package.ts";

const contents = memoryContents();
const make = (name: string, spec: PackageSpec): UnpackedPackage => makePackage(name, spec, contents);

const master = {
  "usr/share/base-passwd/passwd.master":
    "root:*:0:0:root:/root:/bin/bash\n_apt:*:42:65534::/nonexistent:/usr/sbin/nologin\n",
  "usr/share/base-passwd/group.master": "root:*:0:\nmail:*:8:\nnogroup:*:65534:\n",
};
const basePasswd = (use: "install" | "data"): UnpackedPackage =>
  make("base-passwd", { phase: "base", use, files: master });
const baseFiles = (use: "install" | "data"): UnpackedPackage =>
  make("base-files", {
    phase: "base",
    use,
    files: {
      "bin/": {},
      "lib/": {},
      "tmp/": { mode: 0o1777 },
      "var/run/": {},
      "etc/debian_version": "12.0\n",
      "etc/os-release": { link: "../usr/lib/os-release" },
      "usr/lib/os-release": "ID=debian\nVERSION_ID=12\n",
      "usr/share/base-files/profile": "profile",
      "usr/share/base-files/motd": "motd",
      "etc/dpkg/origins/debian": "Vendor: Debian\n",
      "usr/share/doc/base-files/README": "read me",
      "usr/share/doc/base-files/copyright": "(c)",
    },
  });
const program = make("prog", {
  files: { "bin/prog": { mode: 0o755, text: "#!/bin/sh\n" }, "usr/share/man/man1/prog.1": "man" },
});
const shell = make("dash", {
  phase: "packages",
  files: { "bin/dash": { mode: 0o755, text: "\x7fELF" }, "bin/sh": { link: "dash" } },
});

type Doc = PhaseInput["document"];
const document: Doc = {
  from: { kind: "debian", suite: "bookworm", sources: [] },
  system: { base: "none", packages: [], install: "unpack", strip: [], only: {}, debconf: {}, run: [] },
  users: {},
  app: [],
};

function assemble(packages: readonly UnpackedPackage[], change: Partial<Doc> = {}, more: Partial<PhaseInput> = {}) {
  return assemblePhases({
    document: { ...document, ...change },
    packages,
    contents,
    factsOf: (content) => inspectContent(contents.read(content)),
    project: memoryProject({ "site/index.html": "hi" }, contents.put),
    appMtimeSeconds: 0,
    ...more,
  });
}

const strip = (...groups: string[]): ImageDocument["system"] => ({ ...document.system, strip: groups });
const lines = (tree: Tree): string[] => dumpTree(tree, contents);
const pathsOf = (tree: Tree): string[] => tree.map((entry) => entry.path);

test("assemblePhases of a distroless image has skeleton, accounts and os-release of data packages, no more", () => {
  const { base } = assemble([basePasswd("data"), baseFiles("data")]);
  assert.deepEqual(
    lines(base.tree).map((line) => line.replace(/ "root.*/, "")),
    [
      "/bin -> usr/bin",
      "/dev dir 0755 0:0",
      "/etc dir 0755 0:0",
      '/etc/debian_version file 0644 0:0 "12.0\\n"',
      "/etc/group file 0644 0:0",
      "/etc/os-release -> ../usr/lib/os-release",
      "/etc/passwd file 0644 0:0",
      "/home dir 0755 0:0",
      "/lib -> usr/lib",
      "/proc dir 0755 0:0",
      "/root dir 0700 0:0",
      "/run dir 0755 0:0",
      "/run/lock dir 1777 0:0",
      "/sbin -> usr/sbin",
      "/sys dir 0755 0:0",
      "/tmp dir 1777 0:0",
      "/usr dir 0755 0:0",
      "/usr/bin dir 0755 0:0",
      "/usr/lib dir 0755 0:0",
      '/usr/lib/os-release file 0644 0:0 "ID=debian\\nVERSION_ID=12\\n"',
      "/usr/sbin dir 0755 0:0",
      "/var dir 0755 0:0",
      "/var/lock -> /run/lock",
      "/var/run -> /run",
      "/var/tmp dir 1777 0:0",
    ],
  );
});

test("assemblePhases makes what base-files' and base-passwd's scripts make on a new system", () => {
  const { base } = assemble([basePasswd("install"), baseFiles("install")]);
  const made = lines(base.tree);
  for (const line of [
    '/etc/profile file 0644 0:0 "profile"',
    '/etc/motd file 0644 0:0 "motd"',
    "/etc/dpkg/origins/default -> debian",
    "/var/mail dir 2775 0:8",
    "/var/spool/mail -> ../mail",
    "/usr/local/man -> share/man",
    "/opt dir 0755 0:0",
    `/etc/passwd file 0644 0:0 ${JSON.stringify(master["usr/share/base-passwd/passwd.master"])}`,
    `/etc/group file 0644 0:0 ${JSON.stringify(master["usr/share/base-passwd/group.master"])}`,
  ]) {
    assert.ok(made.includes(line), line);
  }
  assert.equal(base.owners.get("var/lib/dpkg/status.d/base-files" as never), "base-files:amd64");
});

test("assemblePhases adds a link for an ABI directory where a package uses one", () => {
  const libc = make("libc6", {
    files: { "lib64/ld-linux-x86-64.so.2": { link: "/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2" } },
  });
  const { base, packages } = assemble([libc]);
  assert.ok(!pathsOf(base.tree).includes("lib64"));
  assert.ok(lines(packages.tree).includes("/lib64 -> usr/lib64"));
});

test("assemblePhases brings a script of the base back in the phase that brings its interpreter", () => {
  const script = make("script", { phase: "base", files: { "usr/bin/s": { mode: 0o755, text: "#!/bin/sh\n" } } });
  const { base, packages } = assemble([script, shell], { system: strip("scripts") });
  assert.ok(!pathsOf(base.tree).includes("usr/bin/s"));
  assert.ok(pathsOf(packages.tree).includes("usr/bin/s"));
});

test("assemblePhases strips installed packages and reports what it left out", () => {
  const { packages, dropped } = assemble([baseFiles("install"), program], { system: strip("docs", "man", "scripts") });
  const paths = pathsOf(packages.tree);
  assert.ok(paths.includes("usr/share/doc/base-files/copyright"));
  assert.ok(!paths.includes("usr/share/doc/base-files/README") && !paths.includes("usr/bin/prog"));
  assert.deepEqual(dropped.get("base-files:amd64"), { count: 1, sizeBytes: 7 });
  assert.deepEqual(dropped.get("prog:amd64"), { count: 3, sizeBytes: 3 });
});

test("assemblePhases copies nsswitch.conf where libc-bin is there, and makes the bundle of ca-certificates", () => {
  const libcBin = make("libc-bin", { files: { "usr/share/libc-bin/nsswitch.conf": "hosts: files dns\n" } });
  const certificates = make("ca-certificates", { files: { "usr/share/ca-certificates/mozilla/A.crt": "text only" } });
  const paths = pathsOf(assemble([libcBin, certificates]).packages.tree);
  for (const path of ["etc/nsswitch.conf", "etc/ssl/certs/ca-certificates.crt", "etc/ssl/certs/A.pem"])
    assert.ok(paths.includes(path));
});

test("assemblePhases adds users and homes in the phase system, and app files as them", () => {
  const user = { uid: 10001, gid: 10001, shell: "/usr/sbin/nologin", gecos: "", groups: [] };
  const users = { web: { ...user, home: "/srv/web" }, none: { ...user, uid: 10002, gid: 10002, home: "/nonexistent" } };
  const app: Doc["app"] = [{ kind: "copy", from: ["site/**"], exclude: [], to: "/srv/web/", owner: "web" }];
  const phases = assemble([basePasswd("data")], { users, app });
  assert.deepEqual(pathsOf(phaseDifference(phases.packages.tree, phases.system.tree)), [
    "etc",
    "etc/group",
    "etc/passwd",
    "srv",
    "srv/web",
  ]);
  const layer = lines(phaseDifference(phases.system.tree, phases.app.tree));
  assert.deepEqual(layer, [
    "/srv dir 0755 0:0",
    "/srv/web dir 0755 10001:10001",
    '/srv/web/index.html file 0644 10001:10001 "hi"',
  ]);
});

test("assemblePhases of scratch is empty but for app files and users", () => {
  const scratch = { from: { kind: "scratch" } as const };
  assert.deepEqual(assemble([], scratch).app.tree, []);
  const users = { web: { uid: 5, gid: 5, home: "/", shell: "/x", gecos: "", groups: [] } };
  assert.deepEqual(lines(assemble([], { ...scratch, users }).app.tree), [
    "/etc dir 0755 0:0",
    '/etc/group file 0644 0:0 "root:*:0:\\nweb:*:5:\\n"',
    '/etc/passwd file 0644 0:0 "root:*:0:0:root:/root:/usr/sbin/nologin\\nweb:*:5:5::/:/x\\n"',
  ]);
});

test("assemblePhases over another image adds to it and keeps its accounts", () => {
  const user = { gid: 1000, home: "/nonexistent", shell: "/x", gecos: "", groups: [] };
  const lower = assemble([basePasswd("data"), shell], { users: { one: { ...user, uid: 1000 } } }).app;
  const from = { kind: "image", image: "base" } as const;
  const upper = assemble([program], { from, users: { two: { ...user, uid: 1001 } } }, { below: lower });
  assert.equal(upper.base.tree, lower.tree);
  const added = pathsOf(phaseDifference(lower.tree, upper.app.tree));
  assert.deepEqual(
    added.filter(
      (path) =>
        !/^(usr|etc|var|var\/lib|var\/lib\/dpkg|var\/lib\/dpkg\/status\.d|usr\/[^/]+|usr\/share\/man.*)$/.test(path),
    ),
    ["etc/passwd", "usr/bin/prog", "var/lib/dpkg/status.d/prog", "var/lib/dpkg/status.d/prog.md5sums"],
  );
});

test("assemblePhases' layers, one over the other, are the flat root", () => {
  const app: Doc["app"] = [
    { kind: "copy", from: ["site"], exclude: [], to: "/bin/" },
    { kind: "write", to: "/etc/motd", text: "new" },
  ];
  const phases = assemble([basePasswd("install"), baseFiles("install"), program, shell], { app });
  let stacked: Tree = [];
  let below: Tree = [];
  for (const { tree } of [phases.base, phases.packages, phases.system, phases.app]) {
    stacked = applyLayer(stacked, phaseDifference(below, tree));
    below = tree;
  }
  assert.deepEqual(stacked, phases.app.tree);
  for (const { path } of phases.app.tree) assert.ok(phases.app.owners.has(path), path);
});

test("assemblePhases gives the base a tree that packages, users and app do not change", () => {
  const all = [basePasswd("install"), baseFiles("install")];
  const plain = assemble(all).base.tree;
  const users = { web: { uid: 5, gid: 5, home: "/x", shell: "/x", gecos: "", groups: [] } };
  assert.deepEqual(assemble([program, shell, ...all], { users, app: [{ kind: "dir", path: "/y" }] }).base.tree, plain);
});

test("assemblePhases refuses `only` for a package that is not there, and damaged account files", () => {
  const only = { ...document.system, only: { missing: ["/x"] } };
  assert.throws(
    () => assemble([program], { system: only }),
    (error) => isAshlarError(error, "ASSEMBLE_ONLY_UNKNOWN"),
  );
  const damaged = make("base-passwd", {
    phase: "base",
    use: "data",
    files: { "usr/share/base-passwd/passwd.master": "root\n" },
  });
  assert.throws(
    () => assemble([damaged]),
    (error) => isAshlarError(error, "ASSEMBLE_ACCOUNTS_INVALID"),
  );
});
