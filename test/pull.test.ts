// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";

import { startTestRegistry, type TestRegistry } from "../src/registry/testing/test-registry.ts";
import { describeDisk } from "./long/disk-tree.ts";
import { makeFixture } from "./fixture.ts";
import { build, makePlace } from "./run-build.ts";
import { type CommandEnded, runCommand } from "./run-command.ts";

const place = makePlace(await makeFixture());
const out = mkdtempSync(join(place.base, "out-"));
const images = await build(place, { args: ["--image", "web"] });
const { name, digest } = images.at(-1) as { readonly name: string; readonly digest: string };
after(() => rmSync(place.base, { recursive: true, force: true }));

const ashlar = (store: string, ...args: readonly string[]): Promise<CommandEnded> =>
  runCommand({ store, home: out }, args);

async function must(store: string, ...args: readonly string[]): Promise<CommandEnded> {
  const ended = await ashlar(store, ...args);
  assert.equal(ended.status, 0, ended.err);
  return ended;
}

let stores = 0;
const newStore = (): string => join(place.base, `store-${stores++}`);

/** A registry that has the image as `team/web:1`. */
async function pushed(options: Parameters<typeof startTestRegistry>[0] = {}): Promise<TestRegistry> {
  const registry = await startTestRegistry(options);
  await must(place.store, "push", name, `${registry.host}/team/web:1`);
  registry.requests.length = 0;
  return registry;
}

test("pull brings an image with all its platforms; it is pushed, checked out and built on as one of ours", async () => {
  await using registry = await pushed();
  const store = newStore();
  const ref = `${registry.host}/team/web:1`;
  assert.equal((await must(store, "pull", ref, "--platform", "all")).last, `${ref}@${digest}`);
  assert.equal((await must(store, "push", ref, `${registry.host}/again/web`)).last.split("@")[1], digest);
  assert.equal((await must(store, "copy", ref, "oci:copied:1")).last, `oci:copied:1@${digest}`);
  const roots = ["own", "pulled"].map((dir) => join(place.base, dir)) as [string, string];
  await must(place.store, "checkout", name, roots[0], "--platform", "linux/amd64");
  await must(store, "checkout", ref, roots[1], "--platform", "linux/amd64");
  assert.deepEqual(describeDisk(roots[1]), describeDisk(roots[0]));
  const same = await must(store, "pull", ref, "--platform", "all", "--json");
  const { platforms } = JSON.parse(same.out) as { platforms: { layers: { way: string }[] }[] };
  assert.ok(platforms.flatMap(({ layers }) => layers).every(({ way }) => way === "known"));
  assert.equal((await ashlar(store, "store", "fsck", "--full")).status, 0);
  mkdirSync(join(out, "above"));
  const hex = digest.slice("sha256:".length);
  writeFileSync(
    join(out, "above/ashlar.yaml"),
    [
      "ashlar: image/v1",
      "name: example/above",
      `from: { oci: "${registry.host}/team/web@sha256:${hex}" }`,
      "platforms: [linux/amd64]",
      "system: { install: unpack }",
      "app: [{ write: { to: /srv/note, text: above } }]",
      "expect: { closure: warn }",
      "",
    ].join("\n"),
  );
  assert.match((await must(store, "build", "above")).last, /^example\/above@sha256:/);
});

test("pull of one platform keeps that one, and a second pull under another name costs no blob", async () => {
  await using registry = await pushed();
  const store = newStore();
  const ref = `${registry.host}/team/web:1`;
  const { last } = await must(store, "pull", ref, "--platform", "linux/arm64", "--name", "mine");
  assert.match(last, /^mine@sha256:/);
  assert.notEqual(last.split("@")[1], digest);
  registry.requests.length = 0;
  await must(store, "pull", ref, "--platform", "linux/arm64");
  const blobs = registry.requests.filter(({ path }) => path.includes("/blobs/"));
  assert.equal(blobs.length, 1, "only the config is read again");
  assert.match((await must(store, "inspect", "mine")).out, /linux\/arm64/);
});

test("copy of a name that was pulled says that it means the image of the store", async () => {
  await using registry = await pushed();
  const store = newStore();
  const ref = `${registry.host}/team/web:1`;
  await must(store, "pull", ref, "--platform", "linux/arm64");
  const stored = await must(store, "copy", ref, "oci:copied:one");
  assert.notEqual(stored.last.split("@")[1], digest);
  assert.ok(stored.err.includes(`"${ref}" is the image of the store; docker://${ref} is the registry's`), stored.err);
  const all = await must(store, "copy", `docker://${ref}`, "oci:copied:all");
  assert.equal(all.last.split("@")[1], digest);
  assert.doesNotMatch(all.err, /is the image of the store/);
});

test("import of an image of a registry is pull under the name it is given", async () => {
  await using registry = await pushed();
  const { last } = await must(newStore(), "import", `${registry.host}/team/web:1`, "--platform=all", "--name=web");
  assert.equal(last, `web@${digest}`);
});

test("pull of what is one image refuses another platform", async () => {
  await using registry = await pushed();
  const store = newStore();
  const one = `${registry.host}/team/arm:1`;
  await must(place.store, "copy", name, one, "--platform", "linux/arm64");
  const { status, err } = await ashlar(store, "pull", one, "--platform", "linux/amd64");
  assert.equal(status, 1);
  assert.match(err, /OCI_PLATFORM_MISSING.*linux\/arm64/);
  assert.match((await must(store, "pull", one)).last, /team\/arm:1@sha256:/);
});

for (const singleRange of [200, 400, 416, 501, "other-part"] as const) {
  test(`pull works where the registry answers ranges by ${singleRange}`, async () => {
    await using registry = await pushed({ singleRange });
    const store = newStore();
    const ref = `${registry.host}/team/web:1`;
    assert.equal((await must(store, "pull", ref, "--platform", "all")).last, `${ref}@${digest}`);
  });
}

for (const multiRange of [200, 400, 416, 501, "first-part"] as const) {
  test(`pull stays partial where the registry answers several ranges by ${multiRange}`, async () => {
    await using registry = await pushed({ multiRange });
    const { out: text } = await must(newStore(), "pull", `${registry.host}/team/web:1`, "--json");
    const { platforms } = JSON.parse(text) as { platforms: { layers: { way: string }[] }[] };
    assert.ok(platforms.flatMap(({ layers }) => layers).every(({ way }) => way === "files"));
  });
}
