// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";

import { digestOf } from "../src/base/index.ts";
import { makeFixture } from "./fixture.ts";
import { forms, type Golden, goldenPath } from "./golden/golden.ts";
import { build, type BuildPlace, type How, makePlace, runBuild } from "./run-build.ts";

// One digest under every circumstance, and it is the committed one: `sh tools/run test/golden/update.ts` writes it.

const golden = JSON.parse(readFileSync(goldenPath, "utf8")) as Golden;
const fixture = await makeFixture();
const places: BuildPlace[] = [];
after(() => places.forEach((place) => rmSync(place.base, { recursive: true, force: true })));

function fresh(below?: string, name?: string): BuildPlace {
  const place = makePlace(fixture, below, name);
  places.push(place);
  return place;
}

async function buildsGolden(how: How = {}): Promise<void> {
  const { place = fresh(), ...rest } = how;
  assert.deepEqual(await build(place, rest), golden.images["zstd:chunked"]);
}

test("a lock against a signed archive is the golden one", () => {
  assert.equal(digestOf(fixture.lockText), golden.lock);
});

test("a frozen build warns where the lock names another compressor", async () => {
  const place = fresh();
  const path = join(place.project, "ashlar.lock");
  const old = readFileSync(path, "utf8");
  writeFileSync(path, old.replace(/"compressor":"[^"]*"/, '"compressor":"other@1"'));
  const { status, err } = await runBuild(place, {});
  assert.equal(status, 0, err);
  assert.match(err, /ashlar\.lock" was made with another compressor.*ashlar lock/);
});

test("a build depends neither on time zone nor on locale", async () => {
  const zones = ["UTC", "Pacific/Chatham", "America/Caracas", "Asia/Kathmandu", "Pacific/Kiritimati"];
  const locales = ["C", "tr_TR.UTF-8", "de_DE@phonebook", "zh_CN.GB18030", "ar_EG.UTF-8"];
  for (const [i, TZ] of zones.entries()) {
    const locale = locales[i] as string;
    await buildsGolden({ env: { TZ, LC_ALL: locale, LANG: locale, LANGUAGE: locale } });
  }
});

test("a build does not depend on the umask", async () => {
  for (const umask of [0o000, 0o077, 0o027]) await buildsGolden({ umask });
});

test("a build depends neither on the number of workers nor on that of processors", async (t) => {
  for (const count of ["1", "2", "5"]) await buildsGolden({ args: ["--workers", count] });
  if (spawnSync("taskset", ["--version"]).status !== 0) return t.skip("needs taskset to build on one processor");
  assert.ok(availableParallelism() > 0);
  await buildsGolden({ wrapper: ["taskset", "-c", "0"] });
});

test("a build is the same with a cold store, a warm one, and one that holds something else", async () => {
  const place = fresh();
  await build(place, { args: ["--compression=gzip", "--platform=linux/arm64"] });
  await buildsGolden({ place });
  await buildsGolden({ place });
});

test("a build does not depend on the order of directories", async () => {
  await buildsGolden({ env: { ASHLAR_CHECK_REVERSE: "1" } });
});

test("a build depends neither on the project's path nor on user names, homes and other variables", async () => {
  const env = { USER: "someone", LOGNAME: "someone", HOME: "/nonexistent", NO_COLOR: "1", TERM: "dumb" };
  await buildsGolden({ place: fresh(tmpdir(), "a path/ with é and spaces/x"), env });
});

test("a build does not depend on the file system", async (t) => {
  const other = "/dev/shm";
  if (!existsSync(other) || statSync(other).dev === statSync(tmpdir()).dev) {
    return t.skip("needs /dev/shm to be another file system than the temporary directory");
  }
  await buildsGolden({ place: fresh(other) });
});

test("a build does not depend on who runs it", async (t) => {
  if (process.geteuid?.() !== 0) return t.skip("needs root to become two other users");
  for (const user of [65_534, 12_345]) await buildsGolden({ user });
});

test("a build does not depend on the clock", async (t) => {
  const probe = spawnSync("faketime", ["-m", "-f", "-9000d", process.execPath, "-p", "new Date().getFullYear()"]);
  if (probe.status !== 0) return t.skip("needs faketime");
  assert.ok(Number(String(probe.stdout)) < 2010, "faketime moves Node's clock");
  const env = { FAKETIME_DONT_FAKE_MONOTONIC: "1", DONT_FAKE_MONOTONIC: "1" };
  for (const shift of ["-9000d", "+9000d"]) await buildsGolden({ wrapper: ["faketime", "-m", "-f", shift], env });
});

test("SOURCE_DATE_EPOCH changes the images, always to the same ones", async () => {
  const env = { SOURCE_DATE_EPOCH: "1000000000" };
  const [first, second] = [await build(fresh(), { env }), await build(fresh(), { env: { ...env, TZ: "Asia/Tokyo" } })];
  assert.deepEqual(first, second);
  assert.notDeepEqual(first, golden.images["zstd:chunked"]);
});

test("all forms of layers are golden and have one image ID, so equal diffIds", async () => {
  const place = fresh();
  for (const form of forms) {
    assert.deepEqual(await build(place, { args: [`--compression=${form}`] }), golden.images[form], form);
  }
  const configs = forms.map((form) => golden.images[form].flatMap((image) => image.platforms.map((one) => one.config)));
  for (const other of configs) assert.deepEqual(other, configs[0]);
  const digests = new Set(forms.map((form) => golden.images[form].at(-1)?.digest));
  assert.equal(digests.size, forms.length, "each form has manifests of its own");
});

test("both platforms are built on this one, from one package for all of them and one each", () => {
  for (const { platforms } of golden.images["zstd:chunked"]) {
    assert.deepEqual(platforms.map((one) => one.platform), ["linux/amd64", "linux/arm64"]);
  }
  const shared = fixture.lock.images.map((image) => image.packages.find((item) => item.name === "ashlar-data")?.digest);
  assert.ok(shared[0] !== undefined);
  assert.equal(shared[0], shared[1]);
});
