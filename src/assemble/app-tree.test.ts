// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import type { AppItem } from "../spec/index.ts";
import { rootOnly } from "./accounts.ts";
import { appTree } from "./app-tree.ts";
import { memoryProject } from "./project-files.ts";
import { dumpTree, type EntrySpec, makeEntries, memoryContents } from "./testing/make-package.ts";

type ProjectSpec = Parameters<typeof memoryProject>[0];

const accounts = {
  users: [...rootOnly.users, { name: "web", password: "*", uid: 10001, gid: 33, gecos: "", home: "/", shell: "/x" }],
  groups: [...rootOnly.groups, { name: "staff", password: "*", gid: 50, members: [] }],
};

function apply(items: readonly AppItem[], project: ProjectSpec = {}, system: Readonly<Record<string, EntrySpec>> = {}) {
  const contents = memoryContents();
  const below = { tree: makeEntries(system, contents.putText), owners: new Map() };
  const options = { accounts, project: memoryProject(project, contents.put), contents, mtimeSeconds: 7 };
  const result = appTree(below, items, options);
  return {
    ...result,
    lines: dumpTree(result.tree, contents),
    added: dumpTree(
      result.tree.filter((e) => !below.tree.includes(e)),
      contents,
    ),
  };
}

function copy(from: string | readonly string[], to: string, more: Partial<AppItem> = {}): AppItem {
  return { kind: "copy", from: [from].flat(), exclude: [], to, ...more } as AppItem;
}

const site: ProjectSpec = {
  "dist/index.html": "home",
  "dist/css/a.css": "css",
  "dist/.hidden": "no",
  "dist/.well-known/x": "no",
  "run.sh": { text: "#!", executable: true },
  "nginx.conf": "conf",
};

test("appTree copies a glob to below its fixed part, passing over dotted names", () => {
  assert.deepEqual(apply([copy("dist/**", "/srv/www")], site).lines, [
    "/srv dir 0755 0:0",
    "/srv/www dir 0755 0:0",
    "/srv/www/css dir 0755 0:0",
    '/srv/www/css/a.css file 0644 0:0 "css"',
    '/srv/www/index.html file 0644 0:0 "home"',
  ]);
});

test("appTree takes a directory's name for all that is in it", () => {
  assert.deepEqual(apply([copy("dist", "/srv/www")], site).lines, apply([copy("dist/**", "/srv/www/")], site).lines);
});

test("appTree copies one file to a path, or into a directory that ends in a slash", () => {
  assert.deepEqual(apply([copy("nginx.conf", "/etc/n.conf")], site).lines, [
    "/etc dir 0755 0:0",
    '/etc/n.conf file 0644 0:0 "conf"',
  ]);
  assert.deepEqual(apply([copy("run.sh", "/opt/")], site).lines, [
    "/opt dir 0755 0:0",
    '/opt/run.sh file 0755 0:0 "#!"',
  ]);
  assert.deepEqual(apply([copy(["run.sh", "nginx.conf"], "/opt")], site).lines.length, 3);
  assert.deepEqual(apply([copy("run.sh", "/")], site).lines, ['/run.sh file 0755 0:0 "#!"']);
});

test("appTree applies modes and owners to files and to the directories a glob brings", () => {
  const item = copy("dist/**", "/srv/www", { mode: "a=rX", owner: "web", group: "staff" });
  assert.deepEqual(apply([item], site).lines, [
    "/srv dir 0755 0:0",
    "/srv/www dir 0755 0:0",
    "/srv/www/css dir 0555 10001:50",
    '/srv/www/css/a.css file 0444 10001:50 "css"',
    '/srv/www/index.html file 0444 10001:50 "home"',
  ]);
  const [file] = apply([copy("run.sh", "/run.sh", { owner: "web", mode: "0600" })], site).lines;
  assert.equal(file, '/run.sh file 0600 10001:33 "#!"');
});

test("appTree gives everything it makes the given time and the owner @app", () => {
  const { tree, owners } = apply([copy("dist/**", "/srv/www"), { kind: "link", path: "/x", target: "y" }], site);
  assert.ok(tree.every((entry) => entry.mtimeSeconds === 7 && owners.get(entry.path) === "@app"));
});

test("appTree refuses a glob that matches nothing and says what there is", () => {
  assert.throws(() => apply([copy("dist/*.js", "/x/")], site), {
    code: "ASSEMBLE_APP_EMPTY",
    hint: /dist\/index\.html/,
  });
  assert.throws(() => apply([copy("missing", "/x/")], site), {
    code: "ASSEMBLE_APP_EMPTY",
    hint: /nothing at "missing"/,
  });
});

test("appTree refuses globs that leave the project", () => {
  for (const glob of ["../x", "/etc/passwd", "a/../../b", "!x"]) {
    assert.throws(() => apply([copy(glob, "/x/")], site), { code: "ASSEMBLE_APP_OUTSIDE" });
  }
});

test("appTree takes dotted names and node_modules only where the glob spells them", () => {
  const project = { ".git/config": "g", "node_modules/a/x.js": "x", "a.js": "a", ".eslintrc": "e", "src/.b": "b" };
  const taken = (from: string): string[] =>
    apply([copy(from, "/app/")], project)
      .lines.filter((line) => line.includes(" file "))
      .map((line) => line.split(" ")[0] as string);
  assert.deepEqual(taken("**"), ["/app/a.js"]);
  assert.deepEqual(taken("node_modules/**"), ["/app/a/x.js"]);
  assert.deepEqual(taken(".git/**"), ["/app/config"]);
  assert.deepEqual(taken(".eslintrc"), ["/app/.eslintrc"]);
  assert.deepEqual(taken("src/.*"), ["/app/.b"]);
});

test("appTree stops at what looks like a secret unless it is named or excluded", () => {
  const key = "-----BEGIN RSA PRIVATE KEY-----\n";
  const project = { "a/id_rsa": "x", "a/server.pem": key, "a/ca.pem": "-----BEGIN CERTIFICATE-----\n", "a/x.p12": "x" };
  for (const [name, others] of [
    ["id_rsa", ["server.pem", "x.p12"]],
    ["server.pem", ["id_rsa", "x.p12"]],
    ["x.p12", ["id_rsa", "server.pem"]],
  ] as const) {
    const exclude = others.map((other) => `a/${other}`);
    assert.throws(() => apply([copy("a/**", "/x/", { exclude } as Partial<AppItem>)], project), {
      code: "POLICY_SECRET",
      details: { path: `a/${name}` },
    });
  }
  const exclude = ["a/id_rsa", "**/x.p12", "a/server.pem"];
  assert.equal(apply([copy("a/**", "/x/", { exclude } as Partial<AppItem>)], project).lines.length, 2);
  assert.equal(apply([copy("a/server.pem", "/x.pem")], project).lines.length, 1);
});

test("appTree leaves out what is excluded, whole directories too", () => {
  const item = copy("dist/**", "/w/", { exclude: ["dist/css"] } as Partial<AppItem>);
  assert.deepEqual(apply([item], site).lines, ["/w dir 0755 0:0", '/w/index.html file 0644 0:0 "home"']);
});

test("appTree copies links as links, and none that leave the project", () => {
  const project: ProjectSpec = { "a/x": "x", "a/l": { link: "../a/x" } };
  assert.ok(apply([copy("a/**", "/o/")], project).lines.includes("/o/l -> ../a/x"));
  for (const link of ["/etc/passwd", "../../x", "./../../a"]) {
    assert.throws(() => apply([copy("a/**", "/o/")], { ...project, "a/l": { link } }), {
      code: "ASSEMBLE_APP_OUTSIDE",
    });
  }
});

test("appTree keeps the places of files to each other when an item has several globs", () => {
  const { lines } = apply([copy(["p/a/*", "p/b/x", "p/one"], "/x/")], { "p/a/x": "1", "p/b/x": "2", "p/one": "3" });
  const paths = lines.map((line) => line.split(" ")[0]);
  assert.deepEqual(paths.filter((path) => path?.startsWith("/x/")), ["/x/a", "/x/a/x", "/x/b", "/x/b/x", "/x/one"]);
});

test("appTree writes, makes directories and links, later items over earlier ones", () => {
  const items: AppItem[] = [
    { kind: "write", to: "/etc/x.conf", text: "öne" },
    { kind: "write", to: "/etc/x.conf", text: "two", mode: "0600", owner: "web" },
    { kind: "dir", path: "/run/x", owner: "web", mode: "0750" },
    { kind: "link", path: "/usr/bin/x", target: "/opt/x" },
  ];
  assert.deepEqual(apply(items).lines, [
    "/etc dir 0755 0:0",
    '/etc/x.conf file 0600 10001:33 "two"',
    "/run dir 0755 0:0",
    "/run/x dir 0750 10001:33",
    "/usr dir 0755 0:0",
    "/usr/bin dir 0755 0:0",
    "/usr/bin/x -> /opt/x",
  ]);
});

test("appTree follows the image's links among the parents", () => {
  const system = { bin: { link: "usr/bin" }, "usr/bin/": {}, var: { link: "/usr/../data" }, "data/": {} };
  assert.deepEqual(
    apply(
      [
        { kind: "write", to: "/bin/x", text: "" },
        { kind: "write", to: "/var/a/b", text: "" },
      ],
      {},
      system,
    ).added,
    ["/data/a dir 0755 0:0", '/data/a/b file 0644 0:0 ""', '/usr/bin/x file 0644 0:0 ""'],
  );
});

test("appTree replaces files and links of the system, never directories, and no file becomes a parent", () => {
  const system = { "etc/x": "old", "etc/l": { link: "x" }, "etc/d/": {}, dead: { link: "nowhere" } };
  const write = (to: string): AppItem => ({ kind: "write", to, text: "new" });
  assert.deepEqual(apply([write("/etc/x"), write("/etc/l")], {}, system).added, [
    '/etc/l file 0644 0:0 "new"',
    '/etc/x file 0644 0:0 "new"',
  ]);
  for (const to of ["/etc/d", "/etc/x/y", "/dead/x"]) {
    assert.throws(() => apply([write(to)], {}, system), { code: "ASSEMBLE_APP_CONFLICT" });
  }
});

test("appTree keeps the other names of a file that it replaces", () => {
  const system = { "usr/a": "1", "usr/b": { hardlink: "usr/a" }, "usr/c": { hardlink: "usr/a" } };
  assert.deepEqual(apply([{ kind: "write", to: "/usr/a", text: "2" }], {}, system).lines.slice(1), [
    '/usr/a file 0644 0:0 "2"',
    '/usr/b file 0644 0:0 "1"',
    "/usr/c == /usr/b",
  ]);
});

test("appTree changes a directory that is there only in what the item says", () => {
  const system = { "srv/": { mode: 0o2775, gid: 50 } };
  const at = (item: Partial<AppItem>): string =>
    apply([{ kind: "dir", path: "/srv", ...item } as AppItem], {}, system).lines[0] as string;
  assert.equal(at({}), "/srv dir 2775 0:50");
  assert.equal(at({ mode: "g-w" } as Partial<AppItem>), "/srv dir 2755 0:50");
  assert.equal(at({ owner: "web" } as Partial<AppItem>), "/srv dir 2775 10001:33");
});

test("appTree refuses owners nobody knows and links without target", () => {
  assert.throws(() => apply([{ kind: "dir", path: "/x", owner: "nobody-here" }]), { code: "ASSEMBLE_OWNER_UNKNOWN" });
  assert.throws(() => apply([{ kind: "link", path: "/x", target: "" }]), { code: "ASSEMBLE_APP_LINK" });
  assert.throws(() => apply([{ kind: "write", to: "/a/../b", text: "" }]), { code: "PATH_INVALID" });
});
