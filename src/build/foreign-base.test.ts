// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { existsSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { digestOf } from "../base/index.ts";
import { loadCompressor, parseTree } from "../formats/index.ts";
import { describeLayer, openLayer, type TarPlan } from "../layer/index.ts";
import { mediaTypes, parseConfig, sourceOf } from "../oci/index.ts";
import {
  dir,
  file,
  imageOf,
  link,
  type SampleForm,
  sampleImage,
  sampleIndex,
  tarOf,
} from "../registry/testing/sample-image.ts";
import { memoryStore } from "../store/index.ts";
import { foreignFacts, type ForeignRecord, installedIn } from "../pull/index.ts";
import { openBase } from "./foreign-base.ts";
import { pullImage } from "./pull-image.ts";
import { readOwnedTree } from "../assemble/index.ts";
import { openFrom, progress, project, putImage, refuses } from "./testing/base-rig.ts";

async function bytesOf(pieces: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const piece of pieces) all.push(Uint8Array.from(piece));
  return Buffer.concat(all);
}

const forms = ["none", "gzip", "zstd"] as const satisfies readonly SampleForm[];

function tarPlans({ layers }: ForeignRecord): readonly TarPlan[] {
  return layers.filter((layer): layer is TarPlan => layer.kind === "tar");
}

for (const kind of ["oci", "oci-archive"] as const) {
  for (const form of forms) {
    test(`openBase keeps ${form} layers of ${kind} byte for byte and makes their tree`, async () => {
      const image = sampleImage(form);
      const store = memoryStore();
      const record = await openFrom({
        store,
        digest: image.manifestDescriptor.digest,
        at: await putImage(image, kind),
      });
      assert.deepEqual(
        tarPlans(record).map(({ mediaType, digest, sizeBytes }) => ({ mediaType, digest, sizeBytes })),
        image.layers.map(({ descriptor }) => descriptor),
      );
      for (const [i, plan] of record.layers.entries()) {
        for (const other of ["zstd:chunked", "gzip"] as const) {
          const maker = { store, compressor: loadCompressor };
          const blob = await describeLayer(plan, other, maker);
          assert.equal(blob.diffId, image.layers[i]?.diffId);
          assert.equal(
            digestOf(await bytesOf(openLayer(plan, blob, maker))),
            image.layers[i]?.descriptor.digest,
          );
        }
      }
      const { tree, owners } = readOwnedTree(store, record);
      assert.deepEqual(
        tree.map((entry) => entry.path),
        ["etc", "etc/link", "etc/note", "etc/os-release"],
      );
      assert.deepEqual(new Set(owners.values()), new Set(["@base"]));
      for (const entry of tree)
        if (entry.type === "file") assert.equal(store.read(entry.content).length, entry.sizeBytes);
    });
  }
}

test("openBase gives layers with media types of docker those of OCI that mean the same", async () => {
  const image = sampleImage("gzip", "docker");
  const at = await putImage(image);
  const names = { config: "container.image.v1+json", layer: "image.rootfs.diff.tar.gzip" };
  const text = Buffer.from(image.manifest)
    .toString()
    .replaceAll(mediaTypes.layerGzip, `application/vnd.docker.${names.layer}`)
    .replace(mediaTypes.config, `application/vnd.docker.${names.config}`)
    .replace(mediaTypes.manifest, "application/vnd.docker.distribution.manifest.v2+json");
  writeFileSync(join(project, at.slice(4), "blobs/sha256", digestOf(text).slice(7)), text);
  const layers = tarPlans(await openFrom({ digest: digestOf(text), at }));
  assert.deepEqual(new Set(layers.map((layer) => layer.mediaType)), new Set([mediaTypes.layerGzip]));
  assert.deepEqual(
    layers.map((layer) => layer.digest),
    image.layers.map((layer) => layer.descriptor.digest),
  );
});

test("openBase takes a docker-archive by the digest of the manifest that is made for it", async () => {
  const at = await putImage(sampleImage("gzip"), "docker-archive");
  const plain = sampleImage("none");
  const record = await openFrom({ digest: plain.manifestDescriptor.digest, at });
  assert.deepEqual(
    tarPlans(record).map((layer) => layer.digest),
    plain.layers.map((layer) => layer.descriptor.digest),
  );
  await refuses({ digest: digestOf("another"), at }, "BUILD_BASE_MISSING", new RegExp(record.manifest));
});

test("openBase chooses the platform of an index, and says what there is where it has none", async () => {
  const index = sampleIndex("gzip");
  const [digest, at, store] = [index.indexDescriptor.digest, await putImage(index), memoryStore()];
  for (const [i, platform] of ["linux/amd64", "linux/arm64"].entries()) {
    const record = await openFrom({ digest, at, platform, store });
    assert.equal(record.manifest, index.images[i]?.manifestDescriptor.digest);
    assert.equal(record.root, digest);
  }
  await refuses(
    { digest, at, platform: "linux/s390x" },
    "BUILD_BASE_PLATFORM",
    /s390x.*linux\/amd64, linux\/arm64/,
  );
  const only = sampleImage("gzip", "", "linux/arm64");
  await refuses(
    { digest: only.manifestDescriptor.digest, at: await putImage(only) },
    "BUILD_BASE_PLATFORM",
    /linux\/arm64/,
  );
});

test("openBase needs the place once: what the store has it finds by the digest, also after gc", async () => {
  const [index, store] = [sampleIndex("zstd"), memoryStore()];
  const [digest, at] = [index.indexDescriptor.digest, await putImage(index)];
  const first = await openBase({
    store,
    projectDir: project,
    from: { name: "n", digest, at },
    platform: "linux/amd64",
    progress,
  });
  store.setRef("keeps", first);
  store.gc({});
  rmSync(join(project, at.slice(4)), { recursive: true });
  assert.equal((await openFrom({ store, digest, at })).root, digest);
  await refuses({ store: memoryStore(), digest, at }, "BUILD_BASE_MISSING", /no such file/);
  await refuses({ store: memoryStore(), digest }, "BUILD_BASE_MISSING", /the store has no such image/);
});

test("openBase refuses places outside of the project and of no kind", async () => {
  const digest = digestOf("x");
  for (const at of ["/etc/base", "oci:/etc", "oci:", "docker://debian", "rootfs:x"]) {
    await refuses({ digest, at }, "BUILD_BASE_PLACE");
  }
  await refuses({ digest, at: "oci:../.." }, "BUILD_OUTSIDE");
  symlinkSync(tmpdir(), join(project, "leads-out"));
  await refuses({ digest, at: "oci:leads-out" }, "BUILD_OUTSIDE");
});

test("openBase reads packages and owners out of dpkg's database, through links and diversions", async () => {
  const status = [
    "Package: dash\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1-2\n",
    "Package: bash\nStatus: install ok installed\nArchitecture: amd64\nVersion: 5\nSource: shells (4)\n",
    "Package: gone\nStatus: deinstall ok config-files\nArchitecture: amd64\nVersion: 1\n",
  ].join("\n");
  const info = "var/lib/dpkg/info";
  const tar = tarOf(
    ...[
      dir("usr"),
      dir("usr/bin"),
      link("bin", "usr/bin"),
      file("usr/bin/dash", "\x7fELF no"),
      file("usr/bin/sh", "x"),
    ],
    ...[file("usr/bin/sh.distrib", "bash"), file("usr/bin/tool", "#!/bin/sh\n"), file("loose", "")],
    file("var/lib/dpkg/status", status),
    file(`${info}/dash.list`, "/.\n/bin\n/bin/dash\n/bin/sh\n"),
    file(`${info}/bash:amd64.list`, "/.\n/bin/sh\n/bin/../loose\n/usr/bin/tool\n/not/there\n"),
    file("var/lib/dpkg/diversions", "/bin/sh\n/bin/sh.distrib\ndash\n"),
  );
  const [image, store] = [imageOf([tar], "gzip"), memoryStore()];
  const record = await openFrom({
    store,
    digest: image.manifestDescriptor.digest,
    at: await putImage(image),
  });
  assert.deepEqual(installedIn(store, record), [
    { name: "bash", version: "5", architecture: "amd64", sourceName: "shells" },
    { name: "dash", version: "1-2", architecture: "amd64", sourceName: "dash" },
  ]);
  const owners = readOwnedTree(store, record).owners as ReadonlyMap<string, string>;
  assert.equal(owners.get("usr/bin/sh"), "dash:amd64");
  assert.equal(owners.get("usr/bin/sh.distrib"), "bash:amd64");
  assert.equal(owners.get("usr/bin/tool"), "bash:amd64");
  assert.equal(owners.get("loose"), "@base");
  assert.deepEqual(
    [...foreignFacts(store, record)].map(([digest, fact]) => [digest, Object.keys(fact)]),
    [[digestOf("#!/bin/sh\n"), ["shebang"]]],
  );
});

test("openBase reads status.d of distroless images, with the md5sums as lists", async () => {
  const tar = tarOf(
    file("usr/lib/libc.so", "lib"),
    file("var/lib/dpkg/status.d/libc6", "Package: libc6\nVersion: 2\nArchitecture: amd64\n"),
    file("var/lib/dpkg/status.d/libc6.md5sums", `${"0".repeat(32)}  usr/lib/libc.so\n`),
  );
  const [image, store] = [imageOf([tar], "zstd"), memoryStore()];
  const record = await openFrom({
    store,
    digest: image.manifestDescriptor.digest,
    at: await putImage(image),
  });
  assert.equal(
    (readOwnedTree(store, record).owners as ReadonlyMap<string, string>).get("usr/lib/libc.so"),
    "libc6:amd64",
  );
});

test("openBase makes a tree that reads back from its encoding", async () => {
  const tar = tarOf(
    dir("d"),
    file("d/a", "1", { mode: 0o4755, mtimeSeconds: 77 }),
    link("d/b", "d/a", "hardlink"),
  );
  const [image, store] = [imageOf([tar, tarOf(file("d/.wh.a", ""))], "none"), memoryStore()];
  const record = await openFrom({
    store,
    digest: image.manifestDescriptor.digest,
    at: await putImage(image),
  });
  const tree = parseTree(store.read(record.flat));
  assert.deepEqual(
    tree.map(({ path, type, mtimeSeconds }) => [path, type, mtimeSeconds]),
    [
      ["d", "dir", 0],
      ["d/b", "file", 77],
    ],
  );
  assert.equal(parseConfig(store.read(record.config)).diffIds.length, 2);
  assert.ok(!existsSync(join(project, "d")));
});

test("openBase stands on an image that was pulled by its files, and says where its blobs are", async () => {
  const image = sampleImage("gzip");
  const store = memoryStore();
  const [source, origin] = [sourceOf(image), "registry.example/team/base"];
  const pulling = { store, source, name: "base", platforms: "all", keepBlobs: false, origin, progress } as const;
  const pulled = await pullImage(pulling);
  const record = await openFrom({ store, digest: pulled.digest });
  assert.equal(record.origin, origin);
  assert.ok(tarPlans(record).every(({ hasBlob }) => !hasBlob));
  await pullImage({ ...pulling, keepBlobs: true });
  const again = await openFrom({ store, digest: pulled.digest });
  assert.equal(again.origin, undefined);
  assert.ok(tarPlans(again).every(({ hasBlob }) => hasBlob), "pulled again with its blobs");
});
