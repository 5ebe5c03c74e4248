// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { after, before, test } from "node:test";
import { gzipSync } from "node:zlib";

import { archive, member } from "../src/formats/testing/tar-bytes.ts";
import { type Ended, missing } from "./programs.ts";

// Tools come from the real archive: the mirror is ASHLAR_MIRROR or that of the host's apt sources.
const root = join(import.meta.dirname, "..");
const area = mkdtempSync(join(tmpdir(), "ashlar-steps-"));
const store = join(area, "store");
const skip = missing(["runc"]);
after(() => rmSync(area, { recursive: true, force: true }));

async function ashlar(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ended> {
  const node = ["--disable-warning=ExperimentalWarning", join(root, "src/cli/main.ts")];
  const child = spawn(process.execPath, [...node, ...args, `--store=${store}`], {
    env: { ...process.env, LC_ALL: "C", CI: "", ...env },
    stdio: ["ignore", "pipe", "pipe"],
    timeout: 280_000,
    killSignal: "SIGKILL",
  });
  const ended = new Promise<number | null>((resolve, reject) =>
    child.on("close", resolve).on("error", reject),
  );
  const [status, out, err] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
  return { status, out, err };
}

/** Builds what must succeed; what it said while it did. */
async function build(project: string, ...args: readonly string[]): Promise<Ended> {
  const ended = await ashlar(["build", project, ...args]);
  assert.equal(ended.status, 0, ended.err);
  return ended;
}

// Sources, served by ourselves. The times are what an unlucky checkout leaves: the made file is the oldest.
const old = "07000000000\0";
const now = "14000000000\0";
const makefile = [
  "all: configure",
  '\tcp configure patched.txt "$(OUT)"',
  "configure: configure.ac",
  "\techo make wants autoconf; exit 1",
  "",
].join("\n");
const hello = gzipSync(
  archive(
    member({ name: "hello-1/configure", mode: "0000755\0", mtime: old }, "#!/bin/sh\n"),
    member({ name: "hello-1/configure.ac", mtime: now }, "AC_INIT\n"),
    member({ name: "hello-1/Makefile", mtime: now }, makefile),
    member({ name: "hello-1/patched.txt", mtime: now }, "one\ntwo\nthree\n"),
  ),
);
const patch = "--- a/patched.txt\n+++ b/patched.txt\n@@ -1,3 +1,3 @@\n one\n-two\n+TWO\n three\n";
const asked: string[] = [];
let server: Server;
let base = "";

before(async () => {
  server = createServer((request, response) => {
    asked.push(request.url ?? "");
    const isThere = request.url?.startsWith("/hello-1.tar.gz") === true;
    response.writeHead(isThere ? 200 : 404).end(isThere ? hello : "");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
after(() => server.close());

const sha256 = (bytes: Uint8Array | string): string => createHash("sha256").update(bytes).digest("hex");
const helloSource = (): object => ({
  url: `${base}/hello-1.tar.gz`,
  sha256: sha256(hello),
  patches: ["fix.patch"],
});

let projects = 0;

/** A project whose image is made of the outputs of its steps alone, each in a directory of its name. */
function project(
  steps: Readonly<Record<string, object>>,
  files: Readonly<Record<string, string>> = {},
): string {
  const dir = join(area, `project-${projects++}`);
  mkdirSync(dir);
  for (const [name, content] of Object.entries({ "fix.patch": patch, ...files }))
    writeFileSync(join(dir, name), content);
  const spec = {
    ashlar: "image/v1",
    name: "example/steps",
    from: "debian:bookworm",
    platforms: ["linux/amd64"],
    system: { install: "unpack" },
    steps,
    expect: { closure: "warn" },
    app: Object.keys(steps).map((step) => ({ output: { step, path: "**", to: `/${step}/` } })),
  };
  writeFileSync(join(dir, "ashlar.yaml"), JSON.stringify(spec));
  return dir;
}

/** The files that the steps of a project made, by path. */
async function outputs(dir: string, ...args: readonly string[]): Promise<(path: string) => string> {
  const out = `${dir}-root-${projects++}`;
  await build(dir, `--output=rootfs:${out}`, ...args);
  return (path) => readFileSync(join(out, path), "utf8");
}

const shell = (script: string, more: object = {}): object => ({ script, outputs: ["**"], ...more });

test(
  "a step has its source unpacked and patched, and make takes nothing for out of date",
  { skip },
  async () => {
    const dir = project({
      hello: { tools: ["make"], sources: [helloSource()], cmd: ["make", "OUT=$OUT"], outputs: ["*"] },
    });
    const read = await outputs(dir);
    assert.equal(read("hello/patched.txt"), "one\nTWO\nthree\n");
    assert.equal(read("hello/configure"), "#!/bin/sh\n");
    assert.equal(asked.filter((url) => url === "/hello-1.tar.gz").length, 1);
    const again = await build(dir, "--offline");
    assert.doesNotMatch(again.err, /run step|install|fetch/);
  },
);

test("a step has no network, few rights, and nothing it does outside of $OUT is kept", { skip }, async () => {
  const script = [
    'echo "$SRC $OUT $HOME $PWD $(id -u) $(hostname 2>/dev/null || cat /proc/sys/kernel/hostname)" > "$OUT/env"',
    `connect() { perl -MIO::Socket::INET -e 'print IO::Socket::INET->new(shift) ? "open" : "shut"' "$1"; }`,
    `connect ${base.slice("http://".length)} > "$OUT/net"`,
    'mknod "$OUT/sda" b 8 0 2>/dev/null && echo made a device >> "$OUT/rights"',
    'mount -t tmpfs none /mnt 2>/dev/null && echo mounted >> "$OUT/rights"',
    'echo changed > /etc/debian_version; rm -rf /usr/share/doc; echo x > "$SRC/in.txt"; touch "$OUT/rights"',
  ].join("\n");
  const dir = project(
    {
      look: shell(script, { inputs: ["in.txt"] }),
      after: shell('cp /etc/debian_version "$SRC/in.txt" "$OUT"', { inputs: ["in.txt"] }),
    },
    { "in.txt": "input\n" },
  );
  const read = await outputs(dir);
  assert.equal(read("look/env"), "/src /out /root /src 0 localhost\n");
  assert.equal(read("look/net"), "shut");
  assert.equal(read("look/rights"), "");
  assert.match(read("after/debian_version"), /^12\.\d+\n$/);
  assert.equal(read("after/in.txt"), "input\n");
  assert.equal(readFileSync(join(dir, "in.txt"), "utf8"), "input\n");
});

test("a step that fails shows its log and keeps it; nothing is remembered of it", { skip }, async () => {
  const dir = project({ broken: shell('echo "all is lost" >&2; exit 7') });
  for (let i = 0; i < 2; i++) {
    const { status, err } = await ashlar(["build", dir]);
    assert.equal(status, 1);
    assert.match(err, /^broken \| all is lost$/m);
    assert.match(err, /error\[BUILD_STEP_FAILED\]: Cannot run step "broken": exit code 7, want 0/);
    const log = /whole log is in "([^"]+)"/.exec(err)?.[1] ?? "";
    assert.equal(readFileSync(log, "utf8"), "all is lost\n");
  }
});

test(
  "a step ends in an error where an output, a patch or a source is not what the spec says",
  { skip },
  async () => {
    const missingOutput = project({ s: { script: 'touch "$OUT/other"', outputs: ["wanted"] } });
    assert.match((await ashlar(["build", missingOutput])).err, /BUILD_STEP_OUTPUT[^]*"wanted"[^]*other/);
    const source = { tools: ["make"], sources: [helloSource()], cmd: ["make", "OUT=$OUT"], outputs: ["*"] };
    const wrongPatch = project({ s: source }, { "fix.patch": patch.replaceAll("two", "2") });
    assert.match(
      (await ashlar(["build", wrongPatch])).err,
      /BUILD_PATCH_FAILED[^]*"fix\.patch" to source "hello-1\.tar\.gz"[^]*FAILED/,
    );
    const wrong = project({
      s: {
        ...source,
        sources: [{ ...helloSource(), url: `${base}/hello-1.tar.gz?2`, sha256: sha256("other") }],
      },
    });
    const { status, err } = await ashlar(["build", wrong]);
    assert.equal(status, 4);
    assert.match(err, /FETCH_DIGEST_MISMATCH[^]*hello-1\.tar\.gz/);
  },
);

test(
  "a secret is a file in memory for the step alone; one that leaks fails the build",
  { skip },
  async () => {
    const token = join(area, "token");
    writeFileSync(token, "correct horse battery\n", { mode: 0o600 });
    const sign =
      'sha256sum /run/secrets/token | cut -c1-64 > "$OUT/sum"; stat -c "%a %U" /run/secrets/token > "$OUT/mode"';
    const good = project({ sign: shell(sign, { secrets: ["token"] }) });
    assert.equal((await ashlar(["build", good])).status, 2);
    const read = await outputs(good, `--secret=token=${token}`);
    assert.equal(read("sign/sum").trim(), sha256("correct horse battery\n"));
    assert.equal(read("sign/mode"), "400 root\n");
    for (const [script, form] of [
      ['cp /run/secrets/token "$OUT/x"', "as it is"],
      ['(printf a; cat /run/secrets/token) | base64 > "$OUT/x"', "base64"],
      ["cat /run/secrets/token; touch $OUT/x", "as it is"],
    ] as const) {
      const dir = project({ leak: shell(script, { secrets: ["token"] }) });
      const { status, err } = await ashlar(["build", dir, "--secret=token=env:TOKEN"], {
        TOKEN: "correct horse battery",
      });
      assert.equal(status, 1);
      assert.match(err, new RegExp(`BUILD_SECRET_LEAKED[^]*"token" is in [^]*, ${form}`));
      assert.doesNotMatch(err, /horse/);
    }
  },
);

test("ashlar shell --step runs a command where the step runs, with its exit code", { skip }, async () => {
  const dir = project(
    { look: shell("true", { inputs: ["in.txt"], env: { MINE: "1" } }) },
    { "in.txt": "input\n" },
  );
  const command = ["sh", "-c", 'cat in.txt; echo "$MINE $SRC $OUT"; exit 9'];
  const { status, out } = await ashlar(["shell", dir, "--step=look", "--quiet", "--", ...command]);
  assert.deepEqual([status, out], [9, "input\n1 /src /out\n"]);
});

test(
  "system.run changes the image's own root, after its users, and remembers each command",
  { skip },
  async () => {
    const dir = project({}, { "site.conf": "conf\n", "other.txt": "" });
    const spec = (run: readonly unknown[]): void => {
      const system = { install: "full", packages: ["passwd"], run };
      const users = { app: { uid: 4711 } };
      const head = {
        ashlar: "image/v1",
        name: "example/runs",
        from: "debian:bookworm",
        platforms: ["linux/amd64"],
      };
      writeFileSync(join(dir, "ashlar.yaml"), JSON.stringify({ ...head, system, users }));
    };
    const first = "groupadd --system site; mkdir /srv/data; chown app:site /srv/data";
    const second = {
      script: 'install -m 0640 "$INPUTS/site.conf" /etc/site.conf; date >> /var/log/dpkg.log',
      inputs: "*.conf",
    };
    spec([first, second]);
    const read = await outputs(dir);
    assert.match(read("etc/group"), /^site:x:99\d:$/m);
    assert.equal(read("etc/site.conf"), "conf\n");
    assert.throws(() => read(".ashlar/inputs/site.conf"));
    assert.doesNotMatch((await build(dir)).err, /run \d/);
    spec([first, second, "echo third"]);
    const { err } = await build(dir);
    assert.match(err, /^run 3 \| third$/m);
    assert.doesNotMatch(err, /run [12] \||Setting up/);
    spec([first, "echo lost; exit 4"]);
    const failed = await ashlar(["build", dir]);
    assert.match(
      failed.err,
      /BUILD_RUN_FAILED[^]*command 2 of 2 of system\.run, "echo lost; exit 4": exit code 4/,
    );
  },
);
