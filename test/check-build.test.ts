// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";

import { compareBuilds, findImage } from "../src/build/index.ts";
import { documentDigest, readSpec } from "../src/spec/index.ts";
import { openStore } from "../src/store/index.ts";
import { makeFixture } from "./fixture.ts";
import { build, type BuildPlace, type BuiltJson, makePlace, runBuild } from "./run-build.ts";

// The faults of these tests are real ones: a program on PATH that the second build is started by meddles with
// its project, or two builds are made from projects that differ.

const fixture = await makeFixture();
const web = "registry.example.com/fixture/web";
const places: BuildPlace[] = [];
after(() => places.forEach((place) => rmSync(place.base, { recursive: true, force: true })));

function fresh(): BuildPlace {
  const place = makePlace(fixture);
  places.push(place);
  return place;
}

/** A directory for PATH whose taskset runs a shell script first; `$dir` is the second build's project, if any. */
function meddler(place: BuildPlace, script: string): { readonly PATH: string } {
  const bin = join(place.base, "bin");
  mkdirSync(bin);
  const find = 'dir=; for arg; do case $arg in */ashlar.yaml) dir=${arg%/*} ;; esac; done';
  const lines = ["#!/bin/sh", find, 'if [ -n "$dir" ]; then', script, "fi", "shift 2", 'exec "$@"', ""];
  writeFileSync(join(bin, "taskset"), lines.join("\n"));
  chmodSync(join(bin, "taskset"), 0o755);
  chmodSync(place.base, 0o755);
  return { PATH: `${bin}:${process.env["PATH"] ?? ""}` };
}

interface CheckJson {
  readonly images: readonly BuiltJson[];
  readonly check: {
    readonly images: readonly unknown[];
    readonly varied: readonly string[];
    readonly kept: readonly string[];
  };
}

test("build --check builds again as it says: other user, umask, zone, locale, home, path, store", async () => {
  const place = fresh();
  const record = join(place.base, "record");
  writeFileSync(record, "");
  chmodSync(record, 0o666);
  const told = 'echo "$(id -u) $(umask) $TZ $LC_ALL ${NODE_OPTIONS-none} $HOME; $PWD; $*"';
  const env = meddler(place, `${told} >> ${record}`);
  const more = { ...env, NODE_OPTIONS: "--no-warnings" };
  const { status, out, err } = await runBuild(place, { args: ["--check"], env: more });
  assert.equal(status, 0, err);
  const { images, check } = JSON.parse(out) as CheckJson;
  assert.deepEqual(check.images, images.map(({ name, digest }) => ({ name, digest })));
  assert.match(err, /build again under other circumstances: the same; varied: an empty store, /);
  const isRoot = process.geteuid?.() === 0;
  const [line = "", ...rest] = readFileSync(record, "utf8").trim().split("\n");
  assert.deepEqual(rest, [], "one second build");
  const user = isRoot ? "65534" : String(process.geteuid?.());
  assert.match(line, new RegExp(`^${user} 0077 Pacific/Chatham tr_TR.UTF-8 none .*other home é; .*other cwd é; `));
  assert.match(line, /--frozen --store=\S*ashlar-check-\S*\/other store é --workers=\d+ --offline/);
  assert.ok(!line.includes(place.project) && !line.includes(place.store), "nothing of the first build's paths");
  assert.equal(check.varied.includes("user and group 65534"), isRoot);
  assert.ok(check.varied.includes("one processor"));
});

test("build --check exits 7 and names image, platform, layer, path and byte of a difference", async () => {
  const place = fresh();
  const env = meddler(place, 'printf X | dd of="$dir/site/index.html" bs=1 seek=4 conv=notrunc 2>/dev/null');
  const { status, out, err } = await runBuild(place, { args: ["--check"], env });
  assert.equal(status, 7, err);
  assert.match(err, /error\[CHECK_DIFFERS\]: Cannot reproduce image "registry\.example\.com\/fixture\/web"/);
  for (const platform of ["linux/amd64", "linux/arm64"]) {
    assert.ok(err.includes(`${web}, ${platform}, layer "app", /srv/www/index.html, byte 4 of the content: `), err);
  }
  assert.match(err, /varied in the second build: an empty store, /);
  const { error } = JSON.parse(out) as { error: { code: string; details: { differences: readonly object[] } } };
  assert.equal(error.code, "CHECK_DIFFERS");
  assert.deepEqual(
    error.details.differences.map((one) => ({ ...one, what: "" })),
    ["linux/amd64", "linux/arm64"].map((platform) => ({
      ...{ image: web, platform, part: "layer", layer: "app", path: "srv/www/index.html" },
      ...{ offset: 4, within: "content", what: "" },
    })),
  );
});

test("build --check exits 7 with the second build's own words where that fails", async () => {
  const place = fresh();
  const { status, err } = await runBuild(place, { args: ["--check"], env: meddler(place, 'rm "$dir/ashlar.lock"') });
  assert.equal(status, 7, err);
  assert.match(err, /error\[CHECK_FAILED\]: Cannot build a second time/);
  assert.match(err, /LOCK_MISSING/);
});

test("build --check leaves nothing behind, and says what it kept where another user cannot follow", async () => {
  const place = fresh();
  const tmp = join(place.base, "tmp");
  mkdirSync(tmp, { mode: 0o777 });
  chmodSync(place.base, 0o700);
  const { status, out, err } = await runBuild(place, { args: ["--check"], env: { TMPDIR: tmp } });
  assert.equal(status, 0, err);
  assert.deepEqual(readdirSync(tmp), []);
  const { check } = JSON.parse(out) as CheckJson;
  assert.ok(check.kept.some((line) => line.startsWith("the user: ")), check.kept.join());
  // The same store again: the first build is remembered now, the second one is not.
  assert.equal((await runBuild(place, { args: ["--check"] })).status, 0);
});

test("build --check that is interrupted ends its second build and leaves nothing of it behind", async () => {
  const place = fresh();
  const tmp = join(place.base, "tmp");
  mkdirSync(tmp, { mode: 0o777 });
  const begun = performance.now();
  const record = join(place.base, "begun");
  writeFileSync(record, "");
  chmodSync(record, 0o666);
  const env = { ...meddler(place, `echo now >${record}; sleep 60`), TMPDIR: tmp };
  const onStart = (child: ChildProcess): void => {
    const timer = setInterval(() => {
      if (readFileSync(record, "utf8") !== "now\n") return;
      clearInterval(timer);
      child.kill("SIGTERM");
    }, 50);
    child.on("close", () => clearInterval(timer));
  };
  const { status, out } = await runBuild(place, { args: ["--check"], env, onStart });
  assert.equal(status, 130);
  assert.equal((JSON.parse(out) as { error: { code: string } }).error.code, "INTERRUPTED");
  assert.deepEqual(readdirSync(tmp), []);
  assert.ok(performance.now() - begun < 50_000);
});

test("compareBuilds names header, config and compressed layer as places of a difference", async () => {
  const first = fresh();
  await build(first);
  const compared = async (change: (project: string) => void, args: readonly string[] = []): Promise<unknown[]> => {
    const second = fresh();
    change(second.project);
    await build(second, { args });
    const [a, b] = [openStore(first.store), openStore(second.store)];
    try {
      const left = { store: a, record: findImage(a, web) };
      const found = await compareBuilds(left, { store: b, record: findImage(b, web) });
      return found.map(({ platform, part, layer, path, within }) => [platform, part, layer, path, within].join(" "));
    } finally {
      a.close();
      b.close();
    }
  };
  const both = (text: string): string[] => ["linux/amd64", "linux/arm64"].map((platform) => `${platform} ${text}`);
  assert.deepEqual(await compared(() => {}), []);
  const mode = await compared((project) => chmodSync(join(project, "bin/plain"), 0o755));
  assert.deepEqual(mode, both("layer app usr/local/bin/plain tar"));
  const more = await compared((project) => writeFileSync(join(project, "site/new"), "new"));
  assert.deepEqual(more, both("layer app srv/www/new tar"));
  assert.deepEqual(await compared(() => {}, ["--compression=gzip"]), both("layer base  blob"));
  const specPath = join(first.project, "ashlar.yaml");
  const text = readFileSync(specPath, "utf8").replace("a: first", "a: other");
  const { document } = await readSpec({ file: "ashlar.yaml", text, parameters: {}, readModule: () => undefined });
  const lockText = fixture.lockText.replace(fixture.lock.document, documentDigest(document));
  const relabelled = await compared((project) => {
    writeFileSync(join(project, "ashlar.yaml"), text);
    writeFileSync(join(project, "ashlar.lock"), lockText);
  });
  assert.deepEqual(relabelled, both("config   document"));
});
