// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";

import { type Digest, digestOf, type ImagePath, isAshlarError } from "../base/index.ts";
import { loadCompressor, parseTree } from "../formats/index.ts";
import { describeLayer, openLayer } from "../layer/index.ts";
import {
  describeBytes,
  encodeIndex,
  encodeManifest,
  type Image,
  type ImageIndex,
  mediaTypes,
  parseConfig,
  parseManifest,
  sourceOf,
} from "../oci/index.ts";
import { copyImage, openTarget } from "../registry/index.ts";
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
import { memoryStore, type Store } from "../store/index.ts";
import { type BaseRecord, factsIn, installedIn, readBaseRecord } from "./base-record.ts";
import { openBase } from "./foreign-base.ts";
import type { Progress } from "./progress.ts";
import { readOwnedTree } from "./stage.ts";

const project = mkdtempSync(join(tmpdir(), "ashlar-base-"));
after(() => rmSync(project, { recursive: true, force: true }));

const step = { advance: () => {}, done: () => {} };
const progress: Progress = { start: () => step, note: () => {}, warn: () => {}, log: () => {} };
let count = 0;

/** Writes an image to a new place of the project; returns `KIND:PATH`. */
async function put(
  image: Image | ImageIndex,
  kind: "oci" | "oci-archive" | "docker-archive" = "oci",
): Promise<string> {
  const path = `place ${count++}`;
  const target = openTarget(kind, join(project, path));
  await copyImage(sourceOf(image), target, { tag: "sample:1" });
  await target.finish();
  return `${kind}:${path}`;
}

interface Wanted {
  readonly digest: Digest;
  readonly at?: string;
  readonly platform?: string;
  readonly store?: Store;
}

async function open({
  digest,
  at,
  platform = "linux/amd64",
  store = memoryStore(),
}: Wanted): Promise<BaseRecord> {
  const from = { name: "example.org/base", digest, ...(at !== undefined && { at }) };
  return readBaseRecord(store, await openBase({ store, projectDir: project, from, platform, progress }));
}

function refuses(wanted: Wanted, code: string, words?: RegExp): Promise<void> {
  return assert.rejects(open(wanted), (error) => {
    assert.ok(isAshlarError(error, code), String(error));
    if (words !== undefined) assert.match(`${error.message} ${error.because.join(" ")}`, words);
    return true;
  });
}

async function bytesOf(pieces: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const piece of pieces) all.push(Uint8Array.from(piece));
  return Buffer.concat(all);
}

const forms = ["none", "gzip", "zstd"] as const satisfies readonly SampleForm[];

for (const kind of ["oci", "oci-archive"] as const) {
  for (const form of forms) {
    test(`openBase keeps ${form} layers of ${kind} byte for byte and makes their tree`, async () => {
      const image = sampleImage(form);
      const store = memoryStore();
      const record = await open({
        store,
        digest: image.manifestDescriptor.digest,
        at: await put(image, kind),
      });
      assert.deepEqual(
        record.layers.map(({ mediaType, digest, sizeBytes }) => ({ mediaType, digest, sizeBytes })),
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

test("openBase takes a docker-archive by the digest of the manifest that is made for it", async () => {
  const at = await put(sampleImage("gzip"), "docker-archive");
  const plain = sampleImage("none");
  const record = await open({ digest: plain.manifestDescriptor.digest, at });
  assert.deepEqual(
    record.layers.map((layer) => layer.digest),
    plain.layers.map((layer) => layer.descriptor.digest),
  );
  await refuses({ digest: digestOf("another"), at }, "BUILD_BASE_MISSING", new RegExp(record.manifest));
});

test("openBase chooses the platform of an index, and says what there is where it has none", async () => {
  const index = sampleIndex("gzip");
  const [digest, at, store] = [index.indexDescriptor.digest, await put(index), memoryStore()];
  for (const [i, platform] of ["linux/amd64", "linux/arm64"].entries()) {
    const record = await open({ digest, at, platform, store });
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
    { digest: only.manifestDescriptor.digest, at: await put(only) },
    "BUILD_BASE_PLATFORM",
    /linux\/arm64/,
  );
});

test("openBase needs the place once: what the store has it finds by the digest, also after gc", async () => {
  const [index, store] = [sampleIndex("zstd"), memoryStore()];
  const [digest, at] = [index.indexDescriptor.digest, await put(index)];
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
  assert.equal((await open({ store, digest, at })).root, digest);
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
  const record = await open({ store, digest: image.manifestDescriptor.digest, at: await put(image) });
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
    [...factsIn(store, record)].map(([digest, fact]) => [digest, Object.keys(fact)]),
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
  const record = await open({ store, digest: image.manifestDescriptor.digest, at: await put(image) });
  assert.equal(
    (readOwnedTree(store, record).owners as ReadonlyMap<string, string>).get("usr/lib/libc.so"),
    "libc6:amd64",
  );
});

/** A layout whose parts a hostile hand changed after it was written. */
async function changed(
  change: (blob: (digest: Digest) => string, image: Image) => Digest | void,
): Promise<Wanted> {
  const image = sampleImage("gzip", String(count));
  const at = await put(image);
  const blob = (digest: Digest): string => join(project, at.slice(4), "blobs/sha256", digest.slice(7));
  return { at, digest: change(blob, image) ?? image.manifestDescriptor.digest };
}

/** The image with another manifest, which is put beside. */
function withManifest(change: (manifest: ReturnType<typeof parseManifest>) => object): Promise<Wanted> {
  return changed((blob, image) => {
    const bytes = encodeManifest({
      ...parseManifest(image.manifest),
      ...change(parseManifest(image.manifest)),
    });
    writeFileSync(blob(digestOf(bytes)), bytes);
    return digestOf(bytes);
  });
}

function putText(blob: (digest: Digest) => string, text: string): Digest {
  writeFileSync(blob(digestOf(text)), text);
  return digestOf(text);
}

const layerWith = (tar: Uint8Array): Promise<Wanted> =>
  put(imageOf([tar], "gzip")).then((at) => ({
    at,
    digest: imageOf([tar], "gzip").manifestDescriptor.digest,
  }));

const hostile: readonly (readonly [what: string, code: string, make: () => Promise<Wanted>])[] = [
  [
    "a manifest that was changed",
    "OCI_BLOB_DIGEST",
    () => changed((blob, image) => writeFileSync(blob(image.manifestDescriptor.digest), "{}")),
  ],
  [
    "a config that was changed",
    "OCI_BLOB_SIZE",
    () => changed((blob, image) => writeFileSync(blob(parseManifest(image.manifest).config.digest), "{}")),
  ],
  [
    "a layer of the same size with another bit",
    "OCI_BLOB_DIGEST",
    () =>
      changed((blob, { layers }) => {
        const path = blob(layers[0]?.descriptor.digest as Digest);
        const bytes = readFileSync(path);
        // The time field of gzip's header: the tar stays what it is.
        bytes[4] = (bytes[4] as number) ^ 1;
        writeFileSync(path, bytes);
      }),
  ],
  [
    "a layer with more behind it",
    "OCI_BLOB_SIZE",
    () =>
      changed((blob, { layers }) =>
        writeFileSync(blob(layers[1]?.descriptor.digest as Digest), Buffer.alloc(1 << 22)),
      ),
  ],
  [
    "a layer that is not there",
    "OCI_BLOB_MISSING",
    () => changed((blob, { layers }) => unlinkSync(blob(layers[1]?.descriptor.digest as Digest))),
  ],
  [
    "a layer that is a directory",
    "REGISTRY_READ",
    () =>
      changed((blob, { layers }) => {
        unlinkSync(blob(layers[1]?.descriptor.digest as Digest));
        mkdirSync(blob(layers[1]?.descriptor.digest as Digest));
      }),
  ],
  [
    "an encrypted layer",
    "OCI_MEDIA_TYPE",
    () =>
      withManifest(({ layers }) => ({
        layers: layers.map((layer) => ({ ...layer, mediaType: `${layer.mediaType}+encrypted` })),
      })),
  ],
  [
    "a layer to be fetched from elsewhere",
    "OCI_MEDIA_TYPE",
    () =>
      withManifest(({ layers: [first, second] }) => ({
        layers: [
          first,
          { ...second, mediaType: "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip" },
        ],
      })),
  ],
  [
    "layers in another order than their diffIds",
    "OCI_DIFF_ID",
    () => withManifest(({ layers }) => ({ layers: [...layers].reverse() })),
  ],
  [
    "fewer layers than diffIds",
    "OCI_LAYER_COUNT",
    () => withManifest(({ layers }) => ({ layers: layers.slice(1) })),
  ],
  [
    "an artifact that is no image",
    "BUILD_BASE_KIND",
    () =>
      withManifest(({ config }) => ({ config: { ...config, mediaType: "application/vnd.example.thing" } })),
  ],
  [
    "a document that is manifest and index",
    "OCI_FIELD",
    () =>
      changed((blob, { manifest }) => {
        const both = { ...(JSON.parse(Buffer.from(manifest).toString()) as object), manifests: [] };
        return putText(blob, JSON.stringify(both));
      }),
  ],
  ["a document of another kind", "OCI_FIELD", () => changed((blob) => putText(blob, "{}"))],
  ["a document that is no JSON", "OCI_JSON", () => changed((blob) => putText(blob, "\x7fELF"))],
  [
    "an index of itself without end",
    "OCI_LIMIT",
    () =>
      changed((blob, { manifestDescriptor }) => {
        let last: ReturnType<typeof describeBytes> = manifestDescriptor;
        for (let depth = 0; depth < 6; depth++) {
          const bytes = encodeIndex({ mediaType: mediaTypes.index, manifests: [last] });
          writeFileSync(blob(digestOf(bytes)), bytes);
          last = describeBytes(mediaTypes.index, bytes);
        }
        return last.digest;
      }),
  ],
  [
    "a path that leads out",
    "PATH_INVALID",
    async () => {
      const tar = tarOf(file("x", "x", { path: "../../etc/x" as ImagePath }));
      return layerWith(tar);
    },
  ],
  [
    "a hard link out of the image",
    "QUERY_LAYER_HARDLINK",
    () => layerWith(tarOf(link("passwd", "etc/passwd", "hardlink"))),
  ],
  [
    "a file below a link",
    "QUERY_LAYER_PARENT",
    () => layerWith(tarOf(link("run", "/var/run"), file("run/x", "x"))),
  ],
  [
    "a status file that is none",
    "BUILD_BASE_DPKG",
    () => layerWith(tarOf(file("var/lib/dpkg/status", "no stanza\n"))),
  ],
];

for (const [what, code, make] of hostile) {
  test(`openBase refuses ${what}, and keeps nothing of it`, async () => {
    const store = memoryStore();
    await refuses({ ...(await make()), store }, code);
    assert.equal(store.stats().actions, 0);
  });
}

test("openBase follows no address of a layer: what is not in the place is missing", async () => {
  const wanted = await changed((blob, image) => {
    const value = JSON.parse(Buffer.from(image.manifest).toString()) as {
      layers: { digest: Digest; urls?: string[] }[];
    };
    for (const layer of value.layers) layer.urls = ["http://127.0.0.1:9/layer"];
    unlinkSync(blob(value.layers[0]?.digest as Digest));
    return putText(blob, JSON.stringify(value));
  });
  await refuses(wanted, "OCI_BLOB_MISSING");
});

test("openBase makes a tree that reads back from its encoding", async () => {
  const tar = tarOf(
    dir("d"),
    file("d/a", "1", { mode: 0o4755, mtimeSeconds: 77 }),
    link("d/b", "d/a", "hardlink"),
  );
  const [image, store] = [imageOf([tar, tarOf(file("d/.wh.a", ""))], "none"), memoryStore()];
  const record = await open({ store, digest: image.manifestDescriptor.digest, at: await put(image) });
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
