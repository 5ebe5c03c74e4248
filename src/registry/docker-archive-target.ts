// SPDX-License-Identifier: Apache-2.0
import { AshlarError, byText, type Digest, Hasher, hexOf, type ImagePath, parsePath } from "../base/index.ts";
import { decompress } from "../formats/index.ts";
import {
  type Descriptor,
  type ImageTarget,
  isConfigType,
  isIndexType,
  layerCompression,
  ociLimits,
  parseConfig,
  parseManifest,
  verifyLayerCount,
} from "../oci/index.ts";
import { type DockerImage, encodeDockerManifest } from "./docker-manifest.ts";
import { TarFile } from "./tar-file.ts";

/**
 * Writes images as `docker save` does: layers uncompressed under their diffId, configs under their digest (the
 * image ID, which stays), manifest.json last. A tag is `name:tag`; a name alone gets `latest`. Manifests are
 * not kept and indexes not taken. Throws `REGISTRY_WRITE`, `REGISTRY_ONE_PLATFORM`, `OCI_DIFF_ID`.
 */
export function dockerArchiveTarget(path: string): ImageTarget {
  return new DockerArchive(path);
}

class DockerArchive implements ImageTarget {
  readonly #path: string;
  #tar: TarFile | undefined;
  /** Digest of the blob as it came to diffId. */
  readonly #layers = new Map<Digest, Digest>();
  readonly #diffIds = new Set<Digest>();
  readonly #configs = new Map<Digest, Uint8Array>();
  readonly #manifests = new Set<Digest>();
  readonly #images = new Map<Digest, DockerImage>();

  constructor(path: string) {
    this.#path = path;
  }

  async has({ digest }: Descriptor): Promise<boolean> {
    return this.#layers.has(digest) || this.#configs.has(digest) || this.#manifests.has(digest);
  }

  async writeBlob(descriptor: Descriptor, bytes: AsyncIterable<Uint8Array>): Promise<void> {
    if (isConfigType(descriptor.mediaType)) await this.#writeConfig(descriptor, bytes);
    else await this.#writeLayer(descriptor, bytes);
  }

  async #writeConfig(descriptor: Descriptor, bytes: AsyncIterable<Uint8Array>): Promise<void> {
    const pieces: Uint8Array[] = [];
    for await (const piece of bytes) pieces.push(Uint8Array.from(piece));
    const config = Buffer.concat(pieces);
    this.#open().addBytes(configName(descriptor.digest), config);
    this.#configs.set(descriptor.digest, config);
  }

  async #writeLayer(descriptor: Descriptor, bytes: AsyncIterable<Uint8Array>): Promise<void> {
    const kind = layerCompression(descriptor.mediaType);
    const hasher = new Hasher();
    const options = { maxBytes: ociLimits.layerTarBytesMax, what: `layer "${descriptor.digest}"` };
    await this.#open().addUnknown(hashed(decompress(kind, bytes, options), hasher), () => {
      const diffId = hasher.digest();
      const keep = !this.#diffIds.has(diffId);
      this.#diffIds.add(diffId);
      this.#layers.set(descriptor.digest, diffId);
      return { name: layerName(diffId), keep };
    });
  }

  async writeManifest(
    descriptor: Descriptor,
    bytes: Uint8Array,
    root?: { readonly tag?: string | undefined },
  ): Promise<void> {
    if (isIndexType(descriptor.mediaType)) {
      const message = `Cannot write docker archive "${this.#path}": the image has several platforms, want one`;
      throw new AshlarError("REGISTRY_ONE_PLATFORM", message, { hint: "choose one with --platform" });
    }
    const manifest = parseManifest(bytes, descriptor.mediaType);
    const layers = manifest.layers.map((layer) => this.#layers.get(layer.digest) ?? missing(layer));
    const config = parseConfig(this.#configs.get(manifest.config.digest) ?? missing(manifest.config));
    verifyLayerCount(config, layers.length);
    layers.forEach((diffId, i) => verifyDiffId(diffId, config.diffIds[i] as Digest));
    this.#manifests.add(descriptor.digest);
    this.#tag(manifest.config.digest, layers, root?.tag);
  }

  #tag(config: Digest, layers: readonly Digest[], tag: string | undefined): void {
    const repoTag = tag === undefined ? [] : [withTag(tag)];
    for (const [digest, image] of this.#images) {
      this.#images.set(digest, { ...image, repoTags: image.repoTags.filter((other) => other !== repoTag[0]) });
    }
    const repoTags = [...(this.#images.get(config)?.repoTags ?? []), ...repoTag].sort();
    this.#images.set(config, { config: configName(config), repoTags, layers: layers.map(layerName) });
  }

  async finish(): Promise<void> {
    const images = [...this.#images.values()].sort(byText((image) => image.config));
    this.#open().addBytes("manifest.json", encodeDockerManifest(images));
    this.#open().commit();
  }

  async abort(): Promise<void> {
    this.#tar?.abort();
  }

  #open(): TarFile {
    return (this.#tar ??= new TarFile(this.#path));
  }
}

async function* hashed(bytes: AsyncIterable<Uint8Array>, hasher: Hasher): AsyncGenerator<Uint8Array> {
  for await (const piece of bytes) {
    hasher.update(piece);
    yield piece;
  }
}

function configName(digest: Digest): ImagePath {
  return parsePath(`${hexOf(digest)}.json`);
}

function layerName(diffId: Digest): ImagePath {
  return parsePath(`${hexOf(diffId)}.tar`);
}

function withTag(text: string): string {
  return text.lastIndexOf(":") > text.lastIndexOf("/") ? text : `${text}:latest`;
}

function verifyDiffId(actual: Digest, expected: Digest): void {
  if (actual === expected) return;
  const message = `Cannot write docker archive: a layer has diffId ${actual}, want ${expected} as the config says`;
  throw new AshlarError("OCI_DIFF_ID", message, { details: { actual, expected } });
}

function missing(descriptor: Descriptor): never {
  throw new AshlarError(
    "OCI_BLOB_MISSING",
    `Cannot write docker archive: blob "${descriptor.digest}" did not come before its manifest`,
  );
}
