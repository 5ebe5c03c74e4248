// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync } from "node:fs";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";

import { probeExitCode, probeProgram } from "../src/sandbox/probe-program.ts";
import { ashlar, type Ended, missing, must, run } from "./programs.ts";

const root = join(import.meta.dirname, "..");
const base = mkdtempSync(join(tmpdir(), "ashlar-run-"));
const store = join(base, "store");
const skip = missing(["crun", "busybox", "script"]);
after(() => rmSync(base, { recursive: true, force: true }));

const node = ["--disable-warning=ExperimentalWarning", join(root, "src/cli/main.ts")];
/** The same for a shell to run. */
const typed = [process.execPath, ...node].map((part) => `"${part}"`).join(" ");
const busybox = ["/usr/bin/busybox", "/bin/busybox"].find((path) => existsSync(path)) ?? "busybox";
const own = process.arch === "arm64" ? "arm64" : "amd64";
const other = own === "amd64" ? "arm64" : "amd64";

/** An image with a shell and a config; one without any program; one of another architecture; and a fleet of two. */
const specs: Readonly<Record<string, object>> = {
  tried: {
    ...{ ashlar: "image/v1", name: "run/tried", from: "scratch", platforms: [`linux/${own}`] },
    users: { web: { uid: 10001, home: "/srv" } },
    app: [
      { copy: { from: "busybox", to: "/bin/busybox", mode: "0755" } },
      { link: { path: "/bin/sh", target: "busybox" } },
      { write: { to: "/etc/kept", text: "as it was\n", owner: "web" } },
    ],
    config: {
      ...{ entrypoint: ["/bin/sh", "-c"], cmd: ['echo "$GREETING from $PWD"; exit 5'] },
      ...{ user: "web", workdir: "/made/here", env: { GREETING: "hello" } },
    },
    expect: { closure: "warn" },
  },
  bare: {
    ...{ ashlar: "image/v1", name: "run/bare", from: "scratch", platforms: [`linux/${own}`] },
    app: [{ write: { to: "/etc/kept", text: "bare\n" } }],
  },
  foreign: {
    ...{ ashlar: "image/v1", name: "run/foreign", from: "scratch", platforms: [`linux/${other}`] },
    app: [{ copy: { from: "program", to: "/program", mode: "0755" } }],
    config: { entrypoint: ["/program"] },
  },
  fleet: {
    ...{ ashlar: "fleet/v1", registry: "example.com/run" },
    images: { bare: { from: "scratch", app: [] }, other: { from: "scratch", app: [] } },
  },
};

before(() => {
  if (skip) return;
  for (const [name, spec] of Object.entries(specs)) {
    mkdirSync(join(base, name));
    writeFileSync(join(base, name, "ashlar.yaml"), JSON.stringify(spec));
  }
  copyFileSync(busybox, join(base, "tried/busybox"));
  writeFileSync(join(base, "foreign/program"), probeProgram(other) ?? "");
});

/** Runs Ashlar; the store is named before the command's own words. */
function tried(verb: string, ...args: readonly string[]): Ended {
  return run(process.execPath, [...node, verb, `--store=${store}`, ...args], { CI: "" });
}

/** A command of the image's shell, as root in its root, that must end well. */
function inside(script: string, ...options: readonly string[]): string {
  const { status, out, err } = tried(
    "run",
    "run/tried",
    "--user=0",
    ...options,
    "--",
    "/bin/busybox",
    "sh",
    "-c",
    script,
  );
  assert.equal(status, 0, err);
  return out;
}

test("run builds a spec quietly, starts it by its config, and ends as it ended", { skip }, () => {
  const { status, out, err } = tried("run", join(base, "tried"));
  assert.deepEqual([status, out, err], [5, "hello from /made/here\n", ""]);
  const again = tried("run", "run/tried", "--json");
  assert.equal(again.status, 5);
  const [line, json] = again.out.trimEnd().split("\n");
  assert.equal(line, "hello from /made/here");
  const { image, platform, exitCode } = JSON.parse(json ?? "") as Record<string, unknown>;
  assert.deepEqual([image, platform, exitCode], ["run/tried", `linux/${own}`, 5]);
});

test(
  "run takes user, groups, home, environment and directory from the image, the options go first",
  { skip },
  () => {
    const show = [
      "--",
      "/bin/busybox",
      "sh",
      "-c",
      'busybox id -u; busybox id -g; echo "$HOME $GREETING $A $PWD $TZ"',
    ];
    const path = "--env=PATH=/bin";
    assert.equal(tried("run", "run/tried", path, ...show).out, "10001\n10001\n/srv hello  /made/here \n");
    const asked = ["--user=7:9", "--env=GREETING=bye", "--env=A=1=2", "--workdir=/etc"];
    assert.equal(tried("run", "run/tried", path, ...asked, ...show).out, "7\n9\n/ bye 1=2 /etc \n");
    const unknown = tried("run", "run/tried", "--user=nosuch");
    assert.deepEqual([unknown.status, /ASSEMBLE_OWNER_UNKNOWN/.test(unknown.err)], [1, true], unknown.err);
  },
);

test("run throws away what was changed: the next run and the store are as before", { skip }, () => {
  const before = tried("inspect", "run/tried", "--json").out;
  assert.equal(
    inside("echo new >/etc/kept; busybox chmod 777 /etc/kept; echo x >/added; busybox cat /etc/kept"),
    "new\n",
  );
  assert.equal(
    inside("busybox cat /etc/kept; busybox stat -c %a:%u /etc/kept; [ ! -e /added ]"),
    "as it was\n644:10001\n",
  );
  assert.match(ashlar(store, ["store", "fsck", "--full"]).out, /the store is whole/);
  assert.equal(tried("inspect", "run/tried", "--json").out, before);
  assert.deepEqual(leftOvers(), []);
});

test("run has no network but its own loopback, and knows localhost", { skip }, () => {
  assert.match(inside("busybox ip addr"), /^1: lo: <LOOPBACK,UP[^]*127\.0\.0\.1/);
  assert.doesNotMatch(inside("busybox ip addr"), /^2:/m);
  assert.match(inside("busybox cat /etc/hosts"), /127\.0\.0\.1\s+localhost/);
});

test("run passes standard input on, and gives no stream away to the image's user", { skip }, () => {
  const [input, output] = [join(base, "input"), join(base, "output")];
  writeFileSync(input, "typed\n");
  const script = "busybox cat; echo said >&2; echo to >/dev/stdout";
  const command = `run run/tried --store="${store}" -- /bin/busybox sh -c "${script}"`;
  must("sh", ["-c", `${typed} ${command} <"${input}" >"${output}" 2>&1`]);
  assert.deepEqual(readFileSync(output, "utf8").split("\n").sort(), ["", "said", "to", "typed"]);
  assert.equal(
    must("stat", ["-c", "%u %u", input, output]),
    `${process.getuid?.()} ${process.getuid?.()}\n`.repeat(2),
  );
});

test("run gives the caller's terminal to the command", { skip }, () => {
  const script = "[ -t 0 ] && [ -t 1 ] && busybox tty; exit 3";
  const command = `${typed} run run/tried --store=${store} -- /bin/busybox sh -c '${script}'`;
  const { status, out } = run("script", ["--quiet", "--return", "--command", command, "/dev/null"]);
  assert.equal(status, 3);
  assert.match(out, /\/dev\/pts\/0\r?\n/);
});

test("run mounts files and directories of the host, read only where asked", { skip }, () => {
  const dir = join(base, "it's mounted");
  mkdirSync(dir);
  writeFileSync(join(dir, "file"), "of the host\n");
  const mounts = [
    `--mount=${dir}:/not/there:ro`,
    `--mount=${join(dir, "file")}:/etc/kept`,
    `--mount=${dir}:/tmp/deep/w`,
  ];
  const out = inside(
    "busybox cat /not/there/file; echo no >/not/there/x || echo refused; echo yes >/tmp/deep/w/y",
    ...mounts,
  );
  assert.equal(out, "of the host\nrefused\n");
  assert.equal(readFileSync(join(dir, "y"), "utf8"), "yes\n");
  assert.equal(inside("echo through >/etc/kept; busybox cat /etc/kept", ...mounts), "through\n");
  assert.equal(readFileSync(join(dir, "file"), "utf8"), "through\n");
  assert.equal(inside("busybox cat /etc/kept; [ ! -e /not ]"), "as it was\n");
});

test(
  "run names what is missing: image, command, program, image of a fleet, source of a mount",
  { skip },
  () => {
    const unknown = tried("run", "nosuch", "--", "true");
    assert.equal(unknown.status, 1);
    assert.match(unknown.err, /IMAGE_NOT_FOUND[^]*the store has run\/tried/);
    const nothing = tried("run", join(base, "bare"));
    assert.equal(nothing.status, 2);
    assert.match(nothing.err, /USAGE_COMMAND[^]*ashlar shell/);
    assert.match(tried("run", "run/bare", "--", "sh").err, /SANDBOX_START.*no program "sh"/);
    const mount = tried("run", "run/tried", `--mount=${base}/nosuch:/srv`);
    assert.equal(mount.status, 2);
    assert.match(mount.err, /SANDBOX_MOUNT.*nosuch" is not there/);
    const fleet = tried("run", join(base, "fleet"), "--", "true");
    assert.equal(fleet.status, 2);
    assert.match(fleet.err, /USAGE_IMAGE[^]*--image: bare, other/);
  },
);

test("run takes images from elsewhere, and one of other platforms by name", { skip }, () => {
  const layout = join(base, "layout");
  assert.equal(tried("build", join(base, "tried"), `--output=oci:${layout}`).status, 0);
  const { status, out, err } = ashlar(join(base, "other-store"), ["run", `oci:${layout}`, "--quiet"]);
  assert.deepEqual([status, out], [5, "hello from /made/here\n"], err);
});

test(
  "shell looks into an image without any program by tools beside it, and changes nothing",
  { skip },
  () => {
    const { status, out, err } = tried(
      "shell",
      "run/bare",
      "--",
      "sh",
      "-c",
      'cat /etc/kept; id -u; echo "${PATH##*:}"; ls -A /',
    );
    assert.equal(status, 0, err);
    assert.match(
      err,
      /^run\/bare for linux\/\S+ \(sha256:[0-9a-f]{64}\), with tools at \/\.ashlar\/tools beside/,
    );
    const lines = out.trimEnd().split("\n");
    assert.deepEqual(lines.slice(0, 3), ["bare", "0", "/.ashlar/tools"]);
    assert.ok(lines.includes("etc") && !lines.includes("bin"));
    const wrong = tried("shell", "run/bare", "--quiet", "--", "sh", "-c", "touch /.ashlar/tools/x");
    assert.match(wrong.err, /Read-only file system/);
    assert.match(tried("shell", "run/bare", "--tools=/bin/sh").err, /USAGE_TOOLS/);
    assert.doesNotMatch(tried("tree", "run/bare").out, /\.ashlar/);
    assert.deepEqual(leftOvers(), []);
  },
);

test("shell starts a shell that reads what is typed, as another user too", { skip }, () => {
  const input = "cd /etc && cat kept; id -u; exit 4\n";
  const { status, out, err } = run("sh", [
    "-c",
    `printf '%s' '${input}' | ${typed} shell run/bare --user 5 --store="${store}"`,
  ]);
  assert.deepEqual([status, out], [4, "bare\n5\n"], err);
});

test(
  "an image of another architecture runs by an emulator, or the error says how to get one",
  { skip },
  () => {
    const { status, err } = tried("run", join(base, "foreign"));
    if (status === probeExitCode) assert.equal(err, "");
    else {
      assert.equal(status, 1);
      assert.match(err, /SANDBOX_EMULATOR[^]*binfmt_misc[^]*`install: unpack`/);
    }
    const looking = tried("shell", join(base, "foreign"), "--", "ls", "/program");
    assert.deepEqual([looking.status, looking.out], [0, "/program\n"], looking.err);
  },
);

test(
  "an interrupted run ends at once with exit code 130, and leaves no process and no file",
  { skip },
  async () => {
    const mark = `3${process.pid}`;
    const script = `echo ready; busybox sleep ${mark} & busybox sleep ${mark}`;
    const args = ["run", "run/tried", `--store=${store}`, "--", "/bin/busybox", "sh", "-c", script];
    const child = spawn(process.execPath, [...node, ...args], { stdio: ["ignore", "pipe", "pipe"] });
    const err = text(child.stderr);
    await once(child.stdout, "data");
    for (let i = 0; processesWith(mark).length < 2; i++, await delay(10)) assert.ok(i < 500);
    child.kill("SIGINT");
    const [code] = (await once(child, "close")) as [number | null];
    assert.equal(code, 130, await err);
    assert.deepEqual(processesWith(mark), []);
    assert.deepEqual(leftOvers(), []);
    assert.ok(!readFileSync("/proc/self/mounts", "utf8").includes(store));
  },
);

/** What runs left in the store. */
function leftOvers(): string[] {
  const dir = join(store, "tmp");
  return existsSync(dir) ? readdirSync(dir).filter((name) => /^(sandbox|tools|probe)/.test(name)) : [];
}

function processesWith(mark: string): string[] {
  const ids = readdirSync("/proc").filter((name) => /^\d+$/.test(name) && name !== `${process.pid}`);
  return ids.filter((id) => {
    try {
      return readFileSync(`/proc/${id}/cmdline`, "utf8").split("\0").includes(mark);
    } catch {
      return false;
    }
  });
}
