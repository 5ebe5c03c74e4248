// SPDX-License-Identifier: Apache-2.0
/** Keeps P5: what is damaged is set aside and brought back from where it came, with equal digests. */
import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";

import { startTestRegistry } from "../../src/registry/testing/test-registry.ts";
import { openStore, type Ref } from "../../src/store/index.ts";
import { makeFixture } from "../fixture.ts";
import { build, makePlace } from "../run-build.ts";
import { type CommandEnded, runCommand } from "../run-command.ts";
import { flipInPack, seeded } from "./damage-packs.ts";

const place = makePlace(await makeFixture());
const out = mkdtempSync(join(place.base, "out-"));
after(() => rmSync(place.base, { recursive: true, force: true }));
const built = await build(place);
const web = built.find(({ name }) => name.endsWith("/web")) as (typeof built)[number];

const ashlar = (store: string, ...args: readonly string[]): Promise<CommandEnded> =>
  runCommand({ store, home: out, env: { ASHLAR_MIRROR: "http://127.0.0.1:1" } }, args);

async function must(store: string, ...args: readonly string[]): Promise<CommandEnded> {
  const ended = await ashlar(store, ...args);
  assert.equal(ended.status, 0, ended.err + ended.out);
  return ended;
}

function refsOf(dir: string): readonly Ref[] {
  const store = openStore(dir);
  try {
    return store.listRefs();
  } finally {
    store.close();
  }
}

function damageEveryPack(dir: string): void {
  const packs = readdirSync(join(dir, "packs"), { recursive: true, encoding: "utf8" });
  for (const path of packs.filter((name) => name.endsWith(".pack")).map((name) => join(dir, "packs", name))) {
    const bytes = readFileSync(path);
    bytes[20] = (bytes[20] as number) ^ 1;
    chmodSync(path, 0o600);
    writeFileSync(path, bytes);
  }
}

interface FsckJson {
  readonly faults: readonly { readonly what: string; readonly refs: readonly string[] }[];
  readonly repaired?: readonly { readonly repair?: string }[];
  readonly quarantined: readonly string[];
  readonly images: readonly { readonly names: readonly string[]; readonly command?: string }[];
  readonly restored?: readonly { readonly command: string; readonly made: string; readonly error?: string }[];
}

const fsckJson = async (store: string, ...args: readonly string[]): Promise<FsckJson> =>
  JSON.parse((await ashlar(store, "store", "fsck", "--json", ...args)).out) as FsckJson;

test("flipped bits of packs are repaired and the images built again from their lock, digest for digest", async (t) => {
  const before = refsOf(place.store);
  for (let seed = 1; seed <= 6; seed++) {
    const where = flipInPack(place.store, seeded(seed));
    t.diagnostic(`seed ${seed}: ${where}`);
    const { repaired = [], faults, restored = [] } = await fsckJson(place.store, "--full", "--restore");
    assert.ok(repaired.length > 0, `seed ${seed}: ${where} was not found`);
    assert.deepEqual(faults, [], `seed ${seed}: ${where}; ${JSON.stringify(restored)}`);
    assert.deepEqual(refsOf(place.store), before);
    assert.equal((await ashlar(place.store, "store", "fsck", "--full")).out, "the store is whole\n");
    await must(place.store, "store", "verify", web.name);
  }
});

test("fsck names the images that a fault hits and what brings them back; forget is the way out", async () => {
  const dir = join(place.base, "hit");
  const text = "ashlar: image/v1\nname: example/one\nfrom: scratch\napp: [{ write: { to: /a, text: a } }]\n";
  writeFileSync(join(out, "one.yaml"), text);
  writeFileSync(join(out, "two.yaml"), text.replace("/one", "/two").replace("text: a", "text: b"));
  await must(dir, "build", "one.yaml");
  await must(dir, "build", "two.yaml");
  damageEveryPack(dir);
  const { faults, images } = await fsckJson(dir, "--full");
  // What lies below a record that is damaged is not known.
  assert.deepEqual([...new Set(faults.flatMap(({ refs }) => refs))].length, 4, JSON.stringify(faults));
  assert.equal(images.length, 2);
  assert.deepEqual(images.map(({ command }) => command), ["one", "two"].map((name) => {
    return `ashlar build ${join(out, `${name}.yaml`)} --frozen`;
  }));
  const verified = await ashlar(dir, "store", "verify", "example/one");
  assert.equal(verified.status, 4, verified.out);
  rmSync(join(out, "two.yaml"));
  const shown = await ashlar(dir, "store", "fsck", "--full", "--restore");
  assert.equal(shown.status, 4);
  assert.match(shown.out, /not whole: example\/two, example\/two@sha256:/);
  assert.match(shown.err, /SPEC_NOT_FOUND/);
  await must(dir, "store", "verify", "example/one");
  const [two = ""] = shown.out.match(/example\/two@sha256:\w{64}/) ?? [];
  assert.equal((await must(dir, "store", "forget", two)).out, `forgot example/two\nforgot ${two}\n`);
  await must(dir, "store", "fsck", "--full");
  await must(dir, "store", "gc", "--grace=0");
});

test("a spec that makes another image today is no way back, and the name stays", async () => {
  const dir = join(place.base, "moved");
  const spec = join(out, "moved.yaml");
  const text = "ashlar: image/v1\nname: example/moved\nfrom: scratch\napp: [{ write: { to: /a, text: old } }]\n";
  writeFileSync(spec, text);
  const { last } = await must(dir, "build", spec);
  damageEveryPack(dir);
  writeFileSync(spec, text.replace("old", "new"));
  await must(dir, "lock", spec, "--offline");
  const { images, restored } = await fsckJson(dir, "--full", "--restore");
  assert.match(restored?.[0]?.made ?? "", /^example\/moved@sha256:/);
  assert.notEqual(restored?.[0]?.made, last);
  assert.ok(images.some(({ names }) => names.includes(last)), JSON.stringify(images));
  writeFileSync(spec, text);
  await must(dir, "lock", spec, "--offline");
  await must(dir, "store", "fsck", "--from", spec);
  assert.match((await must(dir, "store", "verify", last)).out, /is whole\n$/);
});

test("a pulled image is pulled again by digest, though its tag has moved", async () => {
  await using registry = await startTestRegistry();
  const ref = `${registry.host}/team/web:1`;
  await must(place.store, "push", web.name, ref);
  const dir = join(place.base, "pulled");
  const pulled = await must(dir, "pull", ref, "--platform", "linux/arm64");
  const before = refsOf(dir);
  await must(place.store, "push", built.find(({ name }) => name.endsWith("/base"))?.name as string, ref);
  damageEveryPack(dir);
  const { images } = await fsckJson(dir, "--full");
  const command = `ashlar pull ${registry.host}/team/web@${web.digest} --name ${ref} --platform linux/arm64`;
  assert.deepEqual(images.map((image) => image.command), [command]);
  const { faults, quarantined } = await fsckJson(dir, "--full", "--restore");
  assert.deepEqual(faults, []);
  assert.ok(quarantined.length > 0);
  assert.deepEqual(refsOf(dir), before);
  const { out: text } = await must(dir, "store", "verify", pulled.last);
  assert.ok(text.endsWith(`${pulled.last} is whole\n`), text);
});

test("an imported image with layers of others is verified by its blobs, and without them by its tars", async () => {
  await must(place.store, "copy", web.name, "docker-archive:web.tar:web", "--platform", "linux/amd64");
  const dir = join(place.base, "imported");
  await must(dir, "import", "docker-archive:web.tar", "--name", "kept");
  const { out: json } = await must(dir, "store", "verify", "kept", "--json");
  const [platform] = (JSON.parse(json) as { platforms: { layers: { proven: string }[] }[] }).platforms;
  assert.ok((platform?.layers.length ?? 0) > 1);
  damageEveryPack(dir);
  const { faults, images } = await fsckJson(dir, "--full", "--restore");
  assert.deepEqual([faults, images], [[], []]);
  await must(dir, "store", "verify", "kept");
});
