// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import type { PackageRecord } from "../assemble/index.ts";
import { type Digest, digestOf, parsePath } from "../base/index.ts";
import { type Entry, type FileEntry, loadCompressor, makeTree, type Tree } from "../formats/index.ts";
import { describeLayer, openLayer, splitDirectories } from "../layer/index.ts";
import type { LockedPackage } from "../lock/index.ts";
import type { TestRegistryOptions } from "../registry/testing/test-registry.ts";
import { sample } from "../store/testing/sample.ts";
import { knownRecord } from "./claim.ts";
import { splitTimes } from "./entry-times.ts";
import { tagOf } from "./package-artifact.ts";
import { publishPackages } from "./publish-packages.ts";
import {
  claimed,
  fetchFrom,
  listen,
  lockDeb,
  type MirrorRig,
  newStore,
  startMirror,
  unpack,
} from "./testing/mirror-rig.ts";

const secret = sample(9, 5_000);
const good = lockDeb("good", "1", { "usr/share/good/file": secret, "usr/share/good/other": sample(8, 40_000) });
const evil = lockDeb("evil", "1", { "usr/share/good/file": "evil\n", "usr/share/good/other": sample(7, 40_000) });
const publisher = newStore();
const records = new Map<LockedPackage, Digest>();
for (const locked of [good, evil]) records.set(locked, await unpack(publisher, locked));
const record = records.get(good) as Digest;
const value = publisher.readRecord(record).value as unknown as PackageRecord;
const wanted = { ...claimed(good, record), sizeBytes: 1 << 20 };

/** A registry that has both packages. */
async function honestMirror(options: TestRegistryOptions = {}): Promise<MirrorRig> {
  const mirror = await startMirror();
  const known = [...records].map(([locked, made]) => ({ locked, record: made }));
  await publishPackages(known, { store: publisher, place: mirror.place, parallel: 1, progress: listen() });
  mirror.registry.options = options;
  return mirror;
}

interface Documents {
  mediaType: string;
  artifactType?: string;
  config: { mediaType: string; digest: string; size: number };
  layers: { mediaType: string; digest: string; size: number; annotations: Record<string, string> }[];
  annotations: Record<string, string>;
}

function repository({ registry }: MirrorRig): NonNullable<ReturnType<MirrorRig["registry"]["repositories"]["get"]>> {
  const found = registry.repositories.get("team/packages");
  assert.ok(found);
  return found;
}

function manifestOf(mirror: MirrorRig, made: Digest): Documents {
  const { tags, manifests } = repository(mirror);
  const bytes = manifests.get(tags.get(tagOf(made)) ?? "")?.bytes ?? new Uint8Array();
  return JSON.parse(Buffer.from(bytes).toString("utf8")) as Documents;
}

/** Puts another manifest where that of `record` is looked for. */
function lie(mirror: MirrorRig, document: object, mediaType = "application/vnd.oci.image.manifest.v1+json"): void {
  const bytes = Buffer.from(JSON.stringify(document));
  const { tags, manifests } = repository(mirror);
  manifests.set(digestOf(bytes), { mediaType, bytes });
  tags.set(tagOf(record), digestOf(bytes));
}

/** Asks for the package: nothing of it may count, and somebody is told. */
async function refuses(mirror: MirrorRig, words: RegExp, locked: LockedPackage = wanted): Promise<void> {
  const store = newStore();
  const progress = listen();
  const report = await fetchFrom([locked], { store, places: mirror.places, progress });
  assert.equal(report.packages, 0);
  assert.equal(progress.warnings.length, 1, progress.warnings.join("\n"));
  assert.match(progress.warnings[0] ?? "", words);
  assert.equal(knownRecord(store, locked), undefined);
  assert.deepEqual(store.fsck({ full: true }).faults, []);
}

test("an honest mirror is believed, so that what follows means something", async () => {
  await using mirror = await honestMirror();
  const progress = listen();
  const report = await fetchFrom([wanted], { store: newStore(), places: mirror.places, progress });
  assert.deepEqual([report.packages, progress.warnings], [1, []]);
});

const lies: readonly [string, (honest: Documents, other: Documents) => object, RegExp][] = [
  ["the artifact of another package", (_, other) => other, /it says that it is sha256/],
  ["files of another package", (honest, other) => ({ ...honest, layers: other.layers }), /make record sha256/],
  ["an image", ({ artifactType: _, ...honest }) => honest, /not that of a package/],
  ["no layer", (honest) => ({ ...honest, layers: [] }), /0 layers, want one/],
  ["two layers", (honest, other) => ({ ...honest, layers: [...honest.layers, ...other.layers] }), /2 layers, want one/],
  ["a layer without an index", (honest) => withLayer(honest, { annotations: {} }), /no index/],
  ["an index of nonsense", (honest) => annotated(honest, "ashlar.layer.index", "AAAA"), /layer/],
  ["the index of another layer", crossed("ashlar.layer.index"), /of a layer/],
  ["a table elsewhere", (honest) => annotated(honest, position, `${2 ** 40}:9:9:1`), /position/],
];
const position = "io.github.containers.zstd-chunked.manifest-position";

function withLayer(document: Documents, more: Partial<Documents["layers"][0]>): object {
  return { ...document, layers: document.layers.map((layer) => ({ ...layer, ...more })) };
}

function annotated(document: Documents, key: string, text: string): object {
  return withLayer(document, { annotations: { ...document.layers[0]?.annotations, [key]: text } });
}

function crossed(key: string): (honest: Documents, other: Documents) => object {
  return (honest, other) => annotated(honest, key, other.layers[0]?.annotations[key] ?? "");
}

for (const [what, change, words] of lies) {
  test(`fetchUnpacked refuses ${what}`, async () => {
    await using mirror = await honestMirror();
    lie(mirror, change(manifestOf(mirror, record), manifestOf(mirror, records.get(evil) as Digest)));
    await refuses(mirror, words);
  });
}

test("fetchUnpacked refuses an index of manifests where a package should be", async () => {
  await using mirror = await honestMirror();
  const mediaType = "application/vnd.oci.image.index.v1+json";
  lie(mirror, { schemaVersion: 2, mediaType, manifests: [] }, mediaType);
  await refuses(mirror, /its type is/);
});

test("fetchUnpacked says nothing where a package was published with another compressor", async () => {
  await using mirror = await honestMirror();
  const honest = manifestOf(mirror, record);
  lie(mirror, { ...honest, annotations: { ...honest.annotations, "ashlar.compressor": "another/1" } });
  const progress = listen();
  const report = await fetchFrom([wanted], { store: newStore(), places: mirror.places, progress });
  assert.deepEqual([report.packages, progress.warnings], [0, []]);
});

const { timeless, times } = splitTimes(publisher.readTree(value.tree));
const timesDigest = publisher.put(times).digest;
const { directories, rest } = splitDirectories(timeless);

function fileOf(name: string, content: Digest): FileEntry {
  const sizeBytes = publisher.info(content)?.sizeBytes ?? 0;
  return { type: "file", path: parsePath(name), content, sizeBytes, mode: 0o444, uid: 0, gid: 0, mtimeSeconds: 0 };
}

/** The control files, the list and the times, as a block; some may be others. */
function besideOf(changes: Readonly<Record<string, Digest | undefined>> = {}): Tree {
  const all = Object.entries({ ...value.control, ...changes }).flatMap(([name, content]) => {
    return content === undefined ? [] : [fileOf(`.ashlar/control/${name}`, content)];
  });
  return makeTree([...all, fileOf(".ashlar/list", value.list), fileOf(".ashlar/times", timesDigest)]);
}
const beside = besideOf();

/** A layer of chosen blocks, put where the package's layer is looked for. */
async function lieWithLayer(mirror: MirrorRig, trees: readonly Tree[]): Promise<void> {
  const blocks = trees.map((block) => publisher.putTree(block));
  const plan = { name: "package", directories: publisher.putTree(directories), blocks };
  const maker = { store: publisher, compressor: loadCompressor };
  const { mediaType, digest, sizeBytes, annotations, ...blob } = await describeLayer(plan, "zstd:chunked", maker);
  const pieces: Uint8Array[] = [];
  const whole = { ...blob, mediaType, digest, sizeBytes, annotations };
  for await (const piece of openLayer(plan, whole, maker)) pieces.push(piece);
  repository(mirror).blobs.set(digest, Buffer.concat(pieces));
  const layer = { mediaType, digest, size: sizeBytes, annotations: { ...annotations } };
  lie(mirror, withLayer(manifestOf(mirror, record), layer));
}

test("fetchUnpacked refuses a layer without the control files and the list at its end", async () => {
  const stray = fileOf("usr/share/stray", value.list);
  const wrong = [[rest], [rest, rest], [rest, beside.slice(0, -1)], [beside, rest], [rest, [...beside, stray]]];
  for (const blocks of wrong) {
    await using mirror = await honestMirror();
    await lieWithLayer(mirror, blocks);
    await refuses(mirror, /control files and list are not where they should be/);
  }
});

test("fetchUnpacked refuses other control files", async () => {
  const others = [{ postinst: undefined }, { postinst: value.list }, { prerm: value.list }, { __proto: value.list }];
  for (const changes of others) {
    await using mirror = await honestMirror();
    await lieWithLayer(mirror, [rest, besideOf(changes)]);
    await refuses(mirror, /its files make record sha256/);
  }
});

test("fetchUnpacked refuses times that are not those of the files", async () => {
  const wrong = [["1 0\n", /they are fewer/], [`${timeless.length} 1\n`, /its files make record sha256/]] as const;
  for (const [text, words] of wrong) {
    const { digest } = publisher.put(Buffer.from(text));
    await using mirror = await honestMirror();
    await lieWithLayer(mirror, [rest, makeTree([...beside.slice(0, -1), fileOf(".ashlar/times", digest)])]);
    await refuses(mirror, words);
  }
});

test("fetchUnpacked refuses a layer whose tree differs in anything", async () => {
  const [first, ...others] = rest as readonly [FileEntry, ...Entry[]];
  const trees: readonly Tree[] = [
    others,
    [{ ...first, mode: 0o4755 }, ...others],
    [{ ...first, content: value.list, sizeBytes: publisher.info(value.list)?.sizeBytes ?? 0 }, ...others],
    [{ ...first, type: "symlink", target: "/etc/shadow" }, ...others],
  ];
  for (const tree of trees) {
    await using mirror = await honestMirror();
    await lieWithLayer(mirror, [tree, beside]);
    await refuses(mirror, tree.length < rest.length ? /more than the entries/ : /its files make record sha256/);
  }
  await using mirror = await honestMirror();
  await lieWithLayer(mirror, [rest, beside]);
  const progress = listen();
  const report = await fetchFrom([wanted], { store: newStore(), places: mirror.places, progress });
  assert.deepEqual([report.packages, progress.warnings], [1, []], "the same with the right tree is taken");
});

test("a registry that lies cannot send more than some times the .deb", async () => {
  const large = sample(3, 200_000);
  publisher.put(large);
  const [first, ...others] = rest as readonly [FileEntry, ...Entry[]];
  await using mirror = await honestMirror();
  await lieWithLayer(mirror, [[{ ...first, content: digestOf(large), sizeBytes: large.length }, ...others], beside]);
  const progress = listen();
  const small = { ...wanted, sizeBytes: 2_000 };
  for (const anySize of [false, true]) {
    mirror.registry.requests.length = 0;
    const report = await fetchFrom([small], { store: newStore(), places: mirror.places, progress, anySize });
    assert.deepEqual([report.packages, progress.warnings], [0, []]);
    assert.ok(mirror.registry.sentBytes() < 10_000);
  }
});

/** Changes a byte in the middle of answers that are blobs or parts of them. */
function changing(): TestRegistryOptions {
  return {
    mischief: ({ headers }) => {
      if (headers["range"] === undefined) return undefined;
      return { change: (body) => Uint8Array.from(body, (byte, i) => (i === body.length >> 1 ? byte ^ 1 : byte)) };
    },
  };
}

test("fetchUnpacked refuses tables and frames whose bytes are others", async () => {
  await using parts = await honestMirror(changing());
  await refuses(parts, /package good 1 .* is not used/);
});

test("a table that is larger than the .deb is not fetched", async () => {
  await using mirror = await honestMirror();
  const honest = manifestOf(mirror, record);
  const annotations = { ...honest.layers[0]?.annotations, [position]: "9:2000000:2000000:1" };
  lie(mirror, withLayer(honest, { size: 1 << 30, annotations }));
  mirror.registry.requests.length = 0;
  const progress = listen();
  const report = await fetchFrom([wanted], { store: newStore(), places: mirror.places, progress });
  assert.deepEqual([report.packages, progress.warnings, mirror.registry.requests.length], [0, [], 1]);
});

test("a frame that decompresses to something else is not taken", async () => {
  let parts = 0;
  await using mirror = await honestMirror();
  const honest = changing().mischief;
  // The table passes; what follows it are frames.
  mirror.registry.options = {
    mischief: (request, count) => {
      if (request.headers["range"] === undefined || parts++ === 0) return undefined;
      return honest?.(request, count);
    },
  };
  await refuses(mirror, /package good 1 .* is not used/);
  assert.ok(parts > 1);
});

test("a place that gives no answer is left out with one warning, however many packages there are", async () => {
  const many = Array.from({ length: 20 }, (_, i) => {
    return { ...claimed(good, digestOf(`${i}`)), digest: digestOf(`deb ${i}`), name: `good${i}` };
  });
  for (const options of [{ auth: { kind: "basic", user: "a", password: "b" } }, undefined] as const) {
    await using mirror = await honestMirror(options as TestRegistryOptions | undefined);
    if (options === undefined) await mirror.registry.close();
    const progress = listen();
    const report = await fetchFrom(many, { store: newStore(), places: mirror.places, progress });
    assert.equal(report.packages, 0);
    assert.equal(progress.warnings.length, 1, progress.warnings.join("\n"));
    assert.match(progress.warnings[0] ?? "", /packages of "team\/packages" are left out/);
  }
});

test("a registry that gives no parts of blobs is left out with one warning", async () => {
  await using mirror = await honestMirror({ singleRange: 200 });
  await refuses(mirror, /are left out/);
});
