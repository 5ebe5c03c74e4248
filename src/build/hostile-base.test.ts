// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { type Digest, digestOf, type ImagePath } from "../base/index.ts";
import {
  describeBytes,
  encodeIndex,
  encodeManifest,
  type Image,
  mediaTypes,
  parseManifest,
} from "../oci/index.ts";
import { file, imageOf, link, sampleImage, tarOf } from "../registry/testing/sample-image.ts";
import { memoryStore } from "../store/index.ts";
import { project, putImage, refuses, type Wanted } from "./testing/base-rig.ts";

let count = 0;

/** A layout whose parts a hostile hand changed after it was written. */
async function changed(
  change: (blob: (digest: Digest) => string, image: Image) => Digest | void,
): Promise<Wanted> {
  const image = sampleImage("gzip", String(count++));
  const at = await putImage(image);
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
  putImage(imageOf([tar], "gzip")).then((at) => ({
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
    "a layer that is a fifo",
    "REGISTRY_READ",
    () =>
      changed((blob, { layers }) => {
        const path = blob(layers[1]?.descriptor.digest as Digest);
        unlinkSync(path);
        assert.equal(spawnSync("mkfifo", [path]).status, 0);
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
  test(`openBase refuses ${what}, and does so again`, async () => {
    const wanted = { ...(await make()), store: memoryStore() };
    await refuses(wanted, code);
    // Layers that were proven by themselves are known now; the image that they make is not.
    await refuses(wanted, code);
    assert.deepEqual(wanted.store.listRefs(), []);
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
