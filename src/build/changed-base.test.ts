// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import { memoryProject } from "../assemble/index.ts";
import { digestOf, type Json } from "../base/index.ts";
import { type Compressor, loadCompressor } from "../formats/index.ts";
import type { LayerPlan } from "../layer/index.ts";
import { parseManifest } from "../oci/index.ts";
import { type ForeignRecord, readForeignRecord } from "../pull/index.ts";
import { chunkedImage, otherCompressor } from "../pull/testing/chunked-image.ts";
import { bringFrom, newStore } from "../pull/testing/pull-rig.ts";
import { rangeSource } from "../pull/testing/range-source.ts";
import { type ImageDocument, readSpec } from "../spec/index.ts";
import type { Store } from "../store/index.ts";
import { hasCode } from "../store/testing/sample.ts";
import { buildImage } from "./build-image.ts";
import { readImageRecord } from "./record.ts";
import { progress } from "./testing/base-rig.ts";

const ours = await loadCompressor();
const payload = Buffer.from(Array.from({ length: 900 }, (_, i) => `line ${i * i} of a text\n`).join(""));
/** Says that it is ours, and is not in one file. */
const liar: Compressor = {
  ...ours,
  compress: (raw) => (raw.length === payload.length ? otherCompressor : ours).compress(raw),
};
const layers = [[{ "usr/lib/payload": payload }]];
const [honest, lying] = [await chunkedImage({ layers }), await chunkedImage({ layers, compressor: liar })];

/** Brings an image and changes what is kept of it. */
async function bring(store: Store, image: typeof honest, change: Partial<ForeignRecord> = {}): Promise<ForeignRecord> {
  const brought = await bringFrom(store, rangeSource(image), { name: image.manifestDescriptor.digest });
  return { ...readForeignRecord(store, brought.record), ...change };
}

async function buildOn(store: Store, base: ForeignRecord): Promise<readonly LayerPlan[]> {
  const text = `ashlar: image/v1\nname: app\nfrom: { oci: example.org/base@${digestOf("base")} }\n`;
  const { document } = await readSpec({ file: "ashlar.yaml", text });
  const sandbox = (): never => assert.fail("nothing is to run");
  const common = { store, progress, platform: "linux/amd64" };
  const record = await buildImage({
    ...common,
    name: "app",
    document: document as ImageDocument,
    packages: [],
    base: { name: "example.org/base", record: store.putRecord(base as unknown as Json, {}) },
    parent: undefined,
    project: (sink) => memoryProject({}, (bytes) => sink?.put(bytes) ?? assert.fail("nothing is to be read")),
    outputs: new Map(),
    form: "zstd:chunked",
    epochSeconds: undefined,
    inputSeconds: 0,
    install: { ...common, sandbox, storeDir: "/" },
    spool: undefined,
  });
  const { layers: made, manifest } = readImageRecord(store, record);
  const published = parseManifest(store.read(base.manifest)).layers.map(({ digest }) => digest);
  assert.deepEqual(parseManifest(store.read(manifest)).layers.map(({ digest }) => digest).slice(0, 1), published);
  return made;
}

test("buildImage has the base's layers as they were published where the store has lying frames by now", async () => {
  const store = await newStore();
  await bring(store, lying);
  const base = await bring(store, honest);
  const [plan] = base.layers;
  assert.ok(plan?.kind === undefined && plan?.claimed === undefined);
  const [made] = await buildOn(store, { ...base, layers: [{ ...plan, claimed: true } as LayerPlan] });
  assert.ok(made?.kind === undefined && made?.claimed === undefined);
});

test("buildImage refuses a base whose layers cannot be made any more, until it is pulled again", async () => {
  const store = await newStore();
  const base = await bring(store, honest, { manifest: store.put(lying.manifest).digest });
  await assert.rejects(buildOn(store, base), hasCode("BUILD_BASE_CHANGED"));
  await bring(store, lying);
  const [made] = await buildOn(store, base);
  assert.equal(made?.kind, "tar");
});
