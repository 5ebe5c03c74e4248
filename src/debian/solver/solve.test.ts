// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import { digestOf } from "../../base/index.ts";
import { solve } from "./solve.ts";
import { indexOf, pick, shown, solveIn } from "./small-universe.ts";

test("solve takes the closure of Pre-Depends and Depends and no Recommends", () => {
  const universe = `
    app; Pre-Depends: init; Depends: lib (>= 2); Recommends: docs
    init
    lib 2.1
    docs
    other`;
  assert.deepEqual(pick(universe, ["app"]), ["app=1", "init=1", "lib=2.1"]);
});

test("solve takes the first alternative that works", () => {
  const universe = `
    app; Depends: broken | absent | good | better
    broken; Depends: nowhere
    good
    better`;
  assert.deepEqual(pick(universe, ["app"]), ["app=1", "good=1"]);
});

test("solve keeps an alternative that is there already", () => {
  const universe = `
    app; Depends: first | second
    first
    second`;
  assert.deepEqual(pick(universe, ["app", "second"]), ["app=1", "second=1"]);
});

test("solve serves named packages before it chooses for any of them", () => {
  const universe = `
    a; Depends: x | b
    b
    x`;
  assert.deepEqual(pick(universe, ["a", "b"]), ["a=1", "b=1"]);
});

test("solve lets a versioned Provides satisfy a versioned relation, and no other", () => {
  const universe = `
    app; Depends: api (>= 2)
    old; Provides: api (= 1)
    bare; Provides: api
    new; Provides: api (= 2.5)`;
  assert.deepEqual(pick(universe, ["app"]), ["app=1", "new=1"]);
});

test("solve takes the package of the name before one that provides it", () => {
  const universe = `
    app; Depends: mta
    zmail; Provides: mta; Priority: required
    mta`;
  assert.deepEqual(pick(universe, ["app"]), ["app=1", "mta=1"]);
});

test("solve prefers among providers the higher priority, then the name mentioned later", () => {
  const universe = `
    app; Depends: mta
    mail-a; Provides: mta
    mail-b; Provides: mta
    mail-c; Provides: mta; Priority: extra`;
  assert.deepEqual(pick(universe, ["app"]), ["app=1", "mail-b=1"]);
  const mentionedEarly = `aaa; Suggests: mail-b\n${universe}`;
  assert.deepEqual(pick(mentionedEarly, ["app"]), ["app=1", "mail-a=1"]);
  const important = `${universe}\n mail-0; Provides: mta; Priority: important`;
  assert.deepEqual(pick(important, ["app"]), ["app=1", "mail-0=1"]);
});

test("solve avoids what a named package conflicts with", () => {
  const universe = `
    app; Depends: web
    web; Depends: server-a | server-b
    server-a
    server-b
    guard; Conflicts: server-a`;
  assert.deepEqual(pick(universe, ["guard", "app"]), ["app=1", "guard=1", "server-b=1", "web=1"]);
  assert.deepEqual(pick(universe, ["app", "guard"]), ["app=1", "guard=1", "server-b=1", "web=1"]);
});

test("solve searches on where the greedy choice excludes itself", () => {
  const universe = `
    app; Depends: left, right
    left; Depends: one | two
    right; Depends: three
    one; Conflicts: three
    two
    three`;
  const solution = solveIn(universe, ["app"]);
  assert.deepEqual(shown(solution), ["app=1", "left=1", "right=1", "three=1", "two=1"]);
});

test("solve takes a lower version where the highest does not fit", () => {
  const universe = `
    app; Depends: lib (<< 3)
    lib 3
    lib 2`;
  assert.deepEqual(pick(universe, ["app"]), ["app=1", "lib=2"]);
  assert.equal(solveIn(universe, ["app"]).way, "search");
  assert.deepEqual(pick(universe, ["lib (<< 3)"]), ["lib=2"]);
});

test("solve honours Breaks by version", () => {
  const universe = `
    app; Depends: lib; Breaks: helper (<< 2)
    lib; Depends: helper | spare
    helper 1
    spare`;
  assert.deepEqual(pick(universe, ["app"]), ["app=1", "lib=1", "spare=1"]);
  assert.deepEqual(pick(universe.replace("helper 1", "helper 2"), ["app"]), ["app=1", "helper=2", "lib=1"]);
});

test("solve lets a package conflict with a name it provides itself, and excludes other providers", () => {
  const universe = `
    mail-a; Provides: mta; Conflicts: mta
    mail-b; Provides: mta; Conflicts: mta`;
  assert.deepEqual(pick(universe, ["mail-a"]), ["mail-a=1"]);
  assert.throws(() => pick(universe, ["mail-a", "mail-b"]), { code: "SOLVER_IMPOSSIBLE" });
});

test("solve takes the highest version of all sources", () => {
  const indexes = [
    indexOf("app; Depends: lib\nlib 1", { source: "main" }),
    indexOf("lib 1+deb12u1", { source: "security" }),
    indexOf("lib 1~bpo", { source: "updates" }),
  ];
  const request = { packages: ["app"], base: "none", architecture: "amd64" } as const;
  const solution = solve({ ...request, indexes });
  assert.deepEqual(shown(solution), ["app=1", "lib=1+deb12u1"]);
  assert.equal(solution.packages[1]?.package.origin, "security");
  assert.deepEqual(shown(solve({ ...request, indexes: indexes.toReversed() })), shown(solution));
});

test("solve takes from a source that is not automatic only what no other one has or can serve", () => {
  const indexes = [
    indexOf("app; Depends: lib, extra\nlib 1", { source: "main" }),
    indexOf("lib 2~bpo\nextra 1~bpo\napp 9~bpo", { source: "backports" }),
  ];
  const notAutomatic = new Set(["backports"]);
  const request = { indexes, notAutomatic, base: "none", architecture: "amd64" } as const;
  assert.deepEqual(shown(solve({ ...request, packages: ["app"] })), ["app=1", "extra=1~bpo", "lib=1"]);
  const asked = solve({ ...request, packages: ["app", "lib (>= 2~)"] });
  assert.deepEqual(shown(asked), ["app=1", "extra=1~bpo", "lib=2~bpo"]);
});

test("solve refuses two files under one version", () => {
  const indexes = [
    indexOf("app 1", { source: "main" }),
    indexOf(`app 1; SHA256: ${"ab".repeat(32)}`, { source: "other" }),
  ];
  const request = { indexes, packages: ["app"], base: "none", architecture: "amd64" } as const;
  assert.throws(() => solve(request), { code: "SOLVER_SOURCES_DIFFER" });
});

test("solve does not depend on the order of the index", () => {
  const lines = [
    "app; Depends: mta, lib | alt, x11:any",
    ...["a", "b", "c"].map((name) => `mail-${name}; Provides: mta; Suggests: mail-b`),
    "lib; Depends: mail-a | mail-c",
    "alt",
    "x11; Multi-Arch: allowed",
  ];
  const forward = solveIn(lines.join("\n"), ["app"]);
  const backward = solveIn(lines.toReversed().join("\n"), ["app"]);
  assert.deepEqual(shown(backward), shown(forward));
  assert.deepEqual(backward.edges, forward.edges);
});

test("solve prefers usr-is-merged to usrmerge, and leaves that to the request", () => {
  const universe = `
    init; Depends: usrmerge | usr-is-merged
    usrmerge; Depends: perl
    usr-is-merged
    perl`;
  assert.deepEqual(pick(universe, ["init"]), ["init=1", "usr-is-merged=1"]);
  assert.deepEqual(pick(universe, ["init"], { preferences: [] }), ["init=1", "perl=1", "usrmerge=1"]);
  assert.deepEqual(pick(universe, ["init", "usrmerge"]), ["init=1", "perl=1", "usrmerge=1"]);
});

const withBase = `
  libc; Priority: optional
  shell; Essential: yes; Pre-Depends: libc; Depends: awk
  mawk; Provides: awk; Priority: required
  gawk; Provides: awk
  apt; Depends: keys; Priority: important
  keys
  app; Depends: gawk`;

test("solve makes the base set by itself, with the spec's packages on top", () => {
  assert.deepEqual(pick(withBase, [], { base: "essential" }), ["libc=1", "mawk=1", "shell=1"]);
  assert.deepEqual(pick(withBase, [], { base: "minbase" }), ["apt=1", "keys=1", "libc=1", "mawk=1", "shell=1"]);
  const { packages } = solveIn(withBase, ["app", "libc"], { base: "essential" });
  const rows = packages.map((item) => `${item.package.name} ${item.phase} ${item.by.join()}`);
  assert.deepEqual(rows, [
    "app packages spec",
    "gawk packages app,shell",
    "libc base shell,spec",
    "mawk base shell",
    "shell base base",
  ]);
});

test("solve says who needs what", () => {
  const universe = `
    app; Pre-Depends: init; Depends: lib (>= 1) | other
    init
    lib`;
  assert.deepEqual(solveIn(universe, ["app"]).edges, [
    { from: "app:amd64", to: "init:amd64", relation: "init", kind: "Pre-Depends" },
    { from: "app:amd64", to: "lib:amd64", relation: "lib (>= 1) | other", kind: "Depends" },
    { from: "spec", to: "app:amd64", relation: "app", kind: "spec" },
  ]);
});

test("solve leaves out what only a failed alternative needed", () => {
  const universe = `
    app; Depends: bad | good
    bad; Depends: junk, worse
    worse; Depends: nowhere
    junk
    good`;
  assert.deepEqual(pick(universe, ["app"]), ["app=1", "good=1"]);
});

const bothArchitectures = (more: string) => ({
  indexes: [indexOf(more), indexOf(more, { architecture: "arm64" })],
  foreign: ["arm64"],
});

test("solve takes a foreign package's needs from its own architecture, or from Multi-Arch: foreign", () => {
  const universe = `
    app; Depends: lib, tool, data
    lib; Multi-Arch: same
    tool; Multi-Arch: foreign
    data; Architecture: all; Multi-Arch: foreign`;
  const request = bothArchitectures(universe);
  assert.deepEqual(pick("", ["app:arm64", "tool"], request), ["app:arm64=1", "data=1", "lib:arm64=1", "tool=1"]);
  assert.deepEqual(pick("", ["app:arm64", "lib"], request).slice(0, 4), [
    "app:arm64=1",
    "data=1",
    "lib=1",
    "lib:arm64=1",
  ]);
});

test("solve keeps two architectures of a package apart unless it is Multi-Arch: same in one version", () => {
  const request = bothArchitectures("tool");
  assert.throws(() => pick("", ["tool", "tool:arm64"], request), { code: "SOLVER_IMPOSSIBLE" });
  const uneven = {
    indexes: [indexOf("lib 1; Multi-Arch: same"), indexOf("lib 2; Multi-Arch: same", { architecture: "arm64" })],
    foreign: ["arm64"],
  };
  assert.throws(() => pick("", ["lib", "lib:arm64"], uneven), { code: "SOLVER_IMPOSSIBLE" });
});

test("solve lets name:any be served only by Multi-Arch: allowed", () => {
  const universe = `
    app; Depends: python:any
    python; Multi-Arch: allowed`;
  assert.deepEqual(pick(universe, ["app"]), ["app=1", "python=1"]);
  const closed = universe.replace("Multi-Arch: allowed", "Multi-Arch: no");
  assert.throws(() => pick(closed, ["app"]), { code: "SOLVER_IMPOSSIBLE" });
});

const lockedAt = (name: string, version: string) =>
  [`${name}:amd64`, { version, digest: digestOf(`${name}_${version}_amd64.deb`) }] as const;

test("solve stays with locked versions while they fit", () => {
  const universe = `
    app 2; Depends: lib, mta
    lib 1
    lib 2
    mail-a; Provides: mta
    mail-b; Provides: mta`;
  const locked = new Map([lockedAt("lib", "1"), lockedAt("mail-a", "1")]);
  assert.deepEqual(pick(universe, ["app"], { locked }), ["app=2", "lib=1", "mail-a=1"]);
  const tighter = universe.replace("Depends: lib,", "Depends: lib (>= 2),");
  assert.deepEqual(pick(tighter, ["app"], { locked }), ["app=2", "lib=2", "mail-a=1"]);
  const otherBytes = new Map([["lib:amd64", { version: "1", digest: digestOf("x") }]]);
  assert.deepEqual(pick(universe, ["app"], { locked: otherBytes }), ["app=2", "lib=2", "mail-b=1"]);
});

test("solve takes alternatives of the spec in their order", () => {
  const universe = `
    a; Depends: nowhere
    b
    c`;
  assert.deepEqual(pick(universe, ["a | b | c"]), ["b=1"]);
  assert.deepEqual(pick(universe, ["b | c", "c"]), ["c=1"]);
});
