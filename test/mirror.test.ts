// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { after, test } from "node:test";

import { digestOf } from "../src/base/index.ts";
import { encodeLock, packagesOf, parseLock, withUnpacked } from "../src/lock/index.ts";
import { startTestRegistry } from "../src/registry/testing/test-registry.ts";
import { makeFixture } from "./fixture.ts";
import { type BuildPlace, build, makePlace, root } from "./run-build.ts";

const fixture = await makeFixture();
const registry = await startTestRegistry();
after(() => registry.close());
const repository = `${registry.host}/team/packages`;
const nowhere = "file:///nowhere/at/all";

function place(): BuildPlace {
  const made = makePlace(fixture);
  after(() => rmSync(made.base, { recursive: true, force: true }));
  return made;
}

interface Ended {
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
}

/** The registry lives in this process, so nothing may wait in it. No archive can be reached. */
async function ashlar(at: BuildPlace, args: readonly string[], packages = ""): Promise<Ended> {
  const main = [join(root, "src/cli/main.ts"), ...args, `--store=${at.store}`];
  const env = { PATH: process.env["PATH"] ?? "", HOME: at.base, ASHLAR_PACKAGES: packages, ASHLAR_MIRROR: nowhere };
  const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", ...main], {
    env,
    cwd: at.project,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended = new Promise<number | null>((resolve) => void child.on("close", resolve));
  const [status, out, err] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
  return { status, out, err };
}

function lockOf(at: BuildPlace): ReturnType<typeof parseLock> {
  return parseLock(readFileSync(join(at.project, "ashlar.lock")), "ashlar.lock");
}

const publisher = place();
const [expected] = await Promise.all([build(publisher)]);

test("mirror publishes the locked packages and says in the lock what they unpack to", async () => {
  const first = await ashlar(publisher, ["mirror", repository, "--json"]);
  assert.equal(first.status, 0, first.err + first.out);
  const count = packagesOf(fixture.lock).length;
  const json = JSON.parse(first.out) as Record<string, unknown>;
  assert.deepEqual([json["pushed"], json["present"], json["written"]], [count, 0, true]);
  const lock = lockOf(publisher);
  assert.ok(packagesOf(lock).every(({ unpacked }) => unpacked?.version === 3));
  assert.equal(lock.document, fixture.lock.document);
  const again = await ashlar(publisher, ["mirror", ".", repository]);
  assert.match(again.out, new RegExp(`^0 packages sent .*, ${count} were there\nashlar.lock is up to date\n`));
  assert.ok(again.out.endsWith(`${repository}\n`));
  const remembered = await build(publisher);
  assert.deepEqual(remembered, expected, "the lock says more, and the image is the same");
});

test("a build without any archive takes all packages by file, and makes the same image", async () => {
  const other = place();
  writeFileSync(join(other.project, "ashlar.lock"), readFileSync(join(publisher.project, "ashlar.lock")));
  rmSync(join(other.store, "downloads"), { recursive: true });
  const without = await ashlar(other, ["build", "--frozen"]);
  assert.notEqual(without.status, 0, "without ASHLAR_PACKAGES there is nothing to build from");
  const built = await ashlar(other, ["build", "--frozen", "--json"], repository);
  assert.equal(built.status, 0, built.err);
  assert.deepEqual((JSON.parse(built.out) as { images: unknown }).images, expected);
  assert.match(built.err, /fetch packages by file: 5 of 5 packages, /);
  assert.doesNotMatch(built.err, /warning/);
  // A lock that does not say it gets nothing of it, in the same store.
  writeFileSync(join(other.project, "ashlar.lock"), fixture.lockText);
  const silent = await ashlar(other, ["build", "--frozen"], repository);
  assert.notEqual(silent.status, 0, silent.out);
});

test("a lock that is wrong about a package is found out by whoever unpacks it, and by mirror --check", async () => {
  const other = place();
  const lock = lockOf(publisher);
  const [first] = packagesOf(lock);
  assert.ok(first);
  const wrong = withUnpacked(lock, new Map([[first.digest, { version: 3, record: digestOf("evil") }]]));
  writeFileSync(join(other.project, "ashlar.lock"), encodeLock(wrong));
  for (const args of [["build", "--frozen"], ["mirror", "--check"]]) {
    const { status, err } = await ashlar(other, args, repository);
    assert.equal(status, 4, err);
    assert.match(err, new RegExp(`error\\[VERIFY_UNPACKED\\].*"${first.name}"`));
  }
  const corrected = await ashlar(other, ["mirror", repository]);
  assert.match(corrected.err, new RegExp(`warning: the lock was wrong about what ${first.name} `));
  assert.equal(encodeLock(lockOf(other)), encodeLock(lock));
  const proven = await ashlar(other, ["mirror", "--check", ".", "--json"]);
  assert.deepEqual(JSON.parse(proven.out), { lock: "ashlar.lock", proven: packagesOf(lock).length, silent: 0 });
});

test("a registry that lies costs a warning: the archive serves", async () => {
  const other = place();
  // A store without images asks no registry: nothing could be spared.
  const spec = "ashlar: image/v1\nname: small\nfrom: scratch\napp: [{ write: { to: /note, text: x } }]\n";
  writeFileSync(join(other.base, "small.yaml"), spec);
  const small = await ashlar(other, ["build", join(other.base, "small.yaml")]);
  assert.equal(small.status, 0, small.err);
  writeFileSync(join(other.project, "ashlar.lock"), readFileSync(join(publisher.project, "ashlar.lock")));
  registry.options = {
    mischief: ({ headers }) => {
      if (headers["range"] === undefined) return undefined;
      return { change: (body) => Uint8Array.from(body, (byte, i) => (i === body.length - 9 ? byte ^ 255 : byte)) };
    },
  };
  const built = await ashlar(other, ["build", "--frozen", "--json"], repository);
  registry.options = {};
  assert.equal(built.status, 0, built.err);
  assert.deepEqual((JSON.parse(built.out) as { images: unknown }).images, expected);
  assert.match(built.err, /warning: package ashlar-.* is not used/);
});

test("mirror says what it wants", async () => {
  for (const [args, words] of [
    [["mirror"], /USAGE_MIRROR.*it names no repository/],
    [["mirror", "--check", ".", repository], /USAGE_MIRROR.*takes only a spec/],
    [["mirror", "packages"], /USAGE_REFERENCE.*names no registry/],
  ] as const) {
    const { status, err } = await ashlar(publisher, args);
    assert.equal(status, 2, err);
    assert.match(err, words);
  }
  const stale = place();
  rmSync(join(stale.project, "ashlar.lock"));
  assert.equal((await ashlar(stale, ["mirror", repository])).status, 3);
  writeFileSync(join(stale.project, "ashlar.lock"), fixture.lockText);
  for (const packages of ["nowhere", `${repository}:tag`]) {
    const { status, err } = await ashlar(stale, ["build", "--frozen"], packages);
    assert.equal(status, 2, err);
    assert.match(err, /USAGE_REFERENCE.*as a repository.*\n.*ASHLAR_PACKAGES names it/s);
  }
});
