// SPDX-License-Identifier: Apache-2.0
import { AshlarError, type Digest } from "../base/index.ts";
import type { Descriptor } from "./descriptor.ts";
import type { Image, ImageIndex, ImageSource } from "./image.ts";
import { parseManifest } from "./manifest.ts";

/** Makes an image (or several under one index) at hand a source, to be copied to where it shall live. */
export function sourceOf(given: Image | ImageIndex): ImageSource {
  const images = "images" in given ? given.images : [given];
  const root = "images" in given ? given.indexDescriptor : given.manifestDescriptor;
  const manifests = new Map<Digest, Uint8Array>(
    images.map((image) => [image.manifestDescriptor.digest, image.manifest]),
  );
  if ("images" in given) manifests.set(root.digest, given.index);
  const blobs = new Map(images.flatMap(blobsOf));
  return {
    resolve: async () => root,
    manifest: async (descriptor) => manifests.get(descriptor.digest) ?? missing(descriptor),
    blob: (descriptor) => (blobs.get(descriptor.digest) ?? missing(descriptor))(),
  };
}

function blobsOf(image: Image): [Digest, () => AsyncIterable<Uint8Array>][] {
  const { config } = parseManifest(image.manifest);
  const own: [Digest, () => AsyncIterable<Uint8Array>] = [config.digest, () => once(image.config)];
  return [own, ...image.layers.map((layer): typeof own => [layer.descriptor.digest, () => layer.open()])];
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

function missing(descriptor: Descriptor): never {
  throw new AshlarError("OCI_BLOB_MISSING", `Cannot read blob "${descriptor.digest}": not in this image`);
}
