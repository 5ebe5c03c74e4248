// SPDX-License-Identifier: Apache-2.0
/**
 * `npm test -- test/long/unpack.ts`: unpacking and assembling real packages of the archive that apt is configured
 * for, against what dpkg-deb, update-ca-certificates and ld.so make of them. Needs Debian, root and the archive.
 */
import assert from "node:assert/strict";
import {
  chmodSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test, type TestContext } from "node:test";

import { caBundle } from "../../src/assemble/ca-bundle.ts";
import {
  assemblePhases,
  checkClosure,
  type ContentFacts,
  inspectContent,
  memoryProject,
  optionalPackages,
  packageId,
  phaseDifference,
  type Phases,
  type UnpackedPackage,
} from "../../src/assemble/index.ts";
import { applyLayer } from "../../src/assemble/testing/apply-layer.ts";
import { memoryContents } from "../../src/assemble/testing/make-package.ts";
import { compareOrdinal, type Digest, digestOf } from "../../src/base/index.ts";
import type { Tree } from "../../src/formats/index.ts";
import { describeDisk, describeTree, writeRoot } from "./disk-tree.ts";
import { download, unpackAllIn } from "./real-packages.ts";
import { run } from "./run.ts";

/** What the spec of the test names; their closure is some 80 packages of every kind. */
const wanted = [
  "nginx",
  "curl",
  "ca-certificates",
  "python3-minimal",
  "nodejs",
  "git",
  "libcap2-bin",
  "busybox-static",
];

let dir = "";
const contents = memoryContents();
const facts = new Map<Digest, ContentFacts | undefined>();
let packages: readonly UnpackedPackage[] = [];

before(async () => {
  if (unable() !== undefined) return;
  dir = mkdtempSync(join(tmpdir(), "ashlar-unpack-"));
  chmodSync(dir, 0o755);
  download([...wanted, "base-files", "base-passwd", "usr-is-merged"], dir);
  packages = await unpackAllIn(dir, (bytes, kind) => {
    const info = contents.put(bytes);
    if (kind === "file") facts.set(info.digest, inspectContent(bytes));
    return info;
  });
});

after(() => {
  if (dir !== "") rmSync(dir, { recursive: true, force: true });
});

/** Why the tests cannot run here. In CI they must. */
function unable(): string | undefined {
  if (process.getuid?.() !== 0) return "needs root, for dpkg-deb -x to set owners";
  return run("apt-get", ["--version"]).status === 0 ? undefined : "needs apt-get";
}

function skips(t: TestContext): boolean {
  const why = unable();
  if (why === undefined) return false;
  assert.equal(process.env["CI"], undefined, why);
  t.skip(why);
  return true;
}

test("unpacking gives the tree of dpkg-deb -x for every package", (t) => {
  if (skips(t)) return;
  let entries = 0;
  for (const item of packages) {
    const root = join(dir, "x");
    assert.equal(run("dpkg-deb", ["-x", item.locked.filename, root]).status, 0);
    const expected = describeDisk(root);
    assert.deepEqual(describeTree(item.tree), expected, packageId(item.locked));
    entries += expected.length;
    rmSync(root, { recursive: true });
  }
  t.diagnostic(`${packages.length} packages, ${entries} entries`);
});

const document = {
  from: { kind: "debian", suite: "bookworm", sources: [] },
  system: { base: "none", packages: wanted, install: "unpack", strip: [] as string[], only: {}, debconf: {}, run: [] },
  users: { web: { uid: 10001, gid: 10001, home: "/home/web", shell: "/usr/sbin/nologin", gecos: "", groups: [] } },
  app: [{ kind: "write", to: "/srv/www/index.html", text: "hello\n" }],
} as const;

function assemble(strip: readonly string[], from = packages): Phases {
  return assemblePhases({
    document: { ...document, system: { ...document.system, strip } },
    packages: from,
    contents,
    factsOf: (content) => facts.get(content),
    project: memoryProject({}, contents.put),
    appMtimeSeconds: 0,
  });
}

test("assembling real packages needs nothing undeclared, and its layers are the flat root", (t) => {
  if (skips(t)) return;
  const start = process.cpuUsage();
  const phases = assemble(["docs", "man", "info", "locales", "lintian", "bugs", "scripts"]);
  const assembled = process.cpuUsage(start).user / 1000;
  const faults = checkClosure(phases.app.tree, {
    factsOf: (content) => facts.get(content),
    contents,
    owners: phases.app.owners,
    optionalOf: optionalPackages(packages, contents),
  });
  const checked = process.cpuUsage(start).user / 1000 - assembled;
  assert.deepEqual(faults, []);
  let stacked: Tree = [];
  let below: Tree = [];
  for (const { tree } of [phases.base, phases.packages, phases.system, phases.app]) {
    const layer = phaseDifference(below, tree);
    assert.ok(
      layer.every((entry) => !entry.path.includes(".wh.")),
      "a phase removes something",
    );
    stacked = applyLayer(stacked, layer);
    below = tree;
  }
  assert.deepEqual(stacked, phases.app.tree);
  t.diagnostic(
    `${phases.app.tree.length} entries; assemble ${assembled.toFixed(0)} ms, closure ${checked.toFixed(0)} ms`,
  );
});

/** Runs the package's own script on a directory; what it made in /etc/ssl/certs. */
function updateCaCertificates(root: string): string[] {
  const certs = join(root, "etc/ssl/certs");
  const places = {
    certsconf: "etc/ca-certificates.conf",
    certsdir: "usr/share/ca-certificates",
    localcertsdir: "none",
    hooksdir: "none",
  };
  const options = Object.entries(places).flatMap(([name, path]) => [`--${name}`, join(root, path)]);
  const made = run("sh", [join(root, "usr/sbin/update-ca-certificates"), ...options, "--etccertsdir", certs]);
  assert.equal(made.status, 0, made.stderr);
  const lines = readdirSync(certs).map((name) => {
    const path = join(certs, name);
    if (!lstatSync(path).isSymbolicLink()) return `${name} ${digestOf(readFileSync(path))}`;
    return `${name} -> ${readlinkSync(path).replace(root, "")}`;
  });
  return lines.sort(compareOrdinal);
}

test("assembling does not depend on the order of packages", (t) => {
  if (skips(t)) return;
  assert.deepEqual(assemble([], [...packages].reverse()), assemble([]));
});

test("the closure of the image names what was left out", (t) => {
  if (skips(t)) return;
  const without = packages.filter(({ locked }) => locked.name !== "libpcre2-8-0");
  const { app } = assemble(["scripts"], without);
  const faults = checkClosure(app.tree, { factsOf: (content) => facts.get(content), contents, owners: app.owners });
  assert.ok(faults.some((fault) => fault.path === "usr/sbin/nginx" && fault.missing === "libpcre2-8.so.0"));
});

test("caBundle makes what update-ca-certificates makes", (t) => {
  if (skips(t)) return;
  const source = packages.find(({ locked }) => locked.name === "ca-certificates") as UnpackedPackage;
  const root = join(dir, "ca");
  assert.equal(run("dpkg-deb", ["-x", source.locked.filename, root]).status, 0);
  const conf = caBundle(source.tree, contents).find((entry) => entry.path === "etc/ca-certificates.conf");
  assert.ok(conf?.type === "file");
  writeFileSync(join(root, "etc/ca-certificates.conf"), contents.read(conf.content));
  const expected = updateCaCertificates(root);
  const ours = caBundle(source.tree, contents).filter((entry) => entry.path.startsWith("etc/ssl/certs/"));
  const actual = ours.map((entry) => {
    const name = entry.path.slice("etc/ssl/certs/".length);
    return entry.type === "file"
      ? `${name} ${entry.content}`
      : `${name} -> ${entry.type === "symlink" ? entry.target : ""}`;
  });
  assert.deepEqual(actual.sort(compareOrdinal), expected);
  assert.ok(expected.length > 200);
});

test("the assembled root runs: its programs start in a chroot", (t) => {
  if (skips(t)) return;
  const root = join(dir, "root");
  writeRoot(assemble(["docs"]).app.tree, root, contents.read);
  for (const [command, ...args] of [
    ["/usr/bin/curl", "--version"],
    ["/usr/sbin/nginx", "-V"],
    ["/usr/bin/python3", "-c", "import pwd; assert pwd.getpwnam('web').pw_uid == 10001"],
    ["/usr/bin/node", "-e", "process.exit(0)"],
    ["/bin/busybox", "true"],
    ["/usr/bin/openssl", "verify", "-CApath", "/etc/ssl/certs", "/etc/ssl/certs/ISRG_Root_X1.pem"],
  ] as const) {
    const result = run("chroot", [root, command, ...args]);
    assert.equal(result.status, 0, `${command}: ${result.stderr}`);
  }
});
