// SPDX-License-Identifier: Apache-2.0
import { existsSync } from "node:fs";
import { join } from "node:path";

import { AshlarError, type Digest } from "../base/index.ts";
import {
  annotationKeys,
  type Descriptor,
  describeBytes,
  encodeManifest,
  type ImageSource,
  mediaTypes,
  parseConfig,
  parseManifest,
  verifyBytes,
  verifyLayerCount,
} from "../oci/index.ts";
import { readDocument } from "./file-reader.ts";
import { LayerFiles, storageError } from "./layer-files.ts";
import { resolveTag } from "./layout-index.ts";
import { remakeTar, sizeOfTar } from "./remake-tar.ts";
import {
  bigDataName,
  layerChain,
  parseStorageImages,
  parseStorageLayers,
  type StorageImage,
  type StorageLayer,
  storageListBytesMax,
} from "./storage-records.ts";

/** Drivers that lay a layer's files out in a directory, and where. */
const drivers = {
  overlay: (id: string): string => `${id}/diff`,
  vfs: (id: string): string => `dir/${id}`,
} as const;
type Driver = keyof typeof drivers;

/**
 * Reads images from the storage of podman, buildah and skopeo (containers/storage) below `root`, without a lock and
 * without the engine. Manifests are made, as layers lie there unpacked: config untouched, layers uncompressed. A tag
 * is a name as `podman images` shows it, in short too, or an image ID or the beginning of one. Throws
 * `REGISTRY_STORAGE`, `FORMATS_TAR_SPLIT`, `OCI_*`.
 */
export function containersStorageSource(root: string): ImageSource {
  const storage = new ContainersStorage(root);
  return {
    resolve: async (tag) => storage.open(storage.choose(tag)),
    manifest: async ({ digest }) => storage.documents.get(digest) ?? missing(root, digest),
    async *blob({ digest }) {
      const document = storage.documents.get(digest);
      if (document !== undefined) yield document;
      else yield* storage.tar(storage.layers.get(digest) ?? missing(root, digest));
    },
  };
}

class ContainersStorage {
  readonly #root: string;
  /** Manifests and configs of the images that were opened. */
  readonly documents = new Map<Digest, Uint8Array>();
  /** Their layers by diffId. */
  readonly layers = new Map<Digest, StorageLayer>();
  #driver: Driver | undefined;

  constructor(root: string) {
    this.#root = root;
  }

  /** The image that a tag means. Throws `OCI_IMAGE_MISSING`, `OCI_IMAGE_AMBIGUOUS`. */
  choose(tag: string | undefined): StorageImage {
    const images = parseStorageImages(this.#list("images"));
    const name = tag === undefined ? undefined : nameOf(tag, images);
    const byId = tag !== undefined && name === undefined ? images.filter(({ id }) => isShortId(tag, id)) : [];
    const [entries, wanted] = byId.length > 0 ? [byId.flatMap(entriesOf)] : [images.flatMap(entriesOf), name ?? tag];
    const found = resolveTag(entries, wanted, `containers-storage "${this.#root}"`);
    return images.find(({ id }) => found.digest === `sha256:${id}`) as StorageImage;
  }

  /** Makes a manifest of an image, to be read with its config and layers afterwards. */
  async open(image: StorageImage): Promise<Descriptor> {
    const described = parseManifest(this.#bigData(image, "manifest")).config;
    const bytes = verifyBytes(described, this.#bigData(image, described.digest));
    const chain = layerChain(image, parseStorageLayers(this.#list("layers")));
    const { diffIds, platform } = parseConfig(bytes);
    verifyLayerCount({ diffIds }, chain.length);
    const layers: Descriptor[] = [];
    for (const [i, layer] of chain.entries()) layers.push(await this.#addLayer(layer, diffIds[i] as Digest));
    const config = describeBytes(mediaTypes.config, bytes);
    const manifest = encodeManifest({ mediaType: mediaTypes.manifest, config, layers });
    const descriptor = describeBytes(mediaTypes.manifest, manifest);
    this.documents.set(config.digest, bytes).set(descriptor.digest, manifest);
    return { ...descriptor, platform };
  }

  /** What the config says the layer is will do: whoever reads it verifies it. */
  async #addLayer(layer: StorageLayer, digest: Digest): Promise<Descriptor> {
    const sizeBytes = layer.diffBytes ?? (await sizeOfTar(this.#split(layer)));
    this.layers.set(digest, layer);
    return { mediaType: mediaTypes.layer, digest, sizeBytes };
  }

  tar(layer: StorageLayer): AsyncIterable<Uint8Array> {
    const driver = this.#findDriver();
    const dir = join(this.#root, driver, drivers[driver](layer.id));
    return remakeTar({ splitPath: this.#split(layer), files: new LayerFiles(dir) });
  }

  #split({ id }: StorageLayer): string {
    const path = join(this.#root, `${this.#findDriver()}-layers`, `${id}.tar-split.gz`);
    if (existsSync(path)) return path;
    const hint = "`podman save` the image to a docker-archive and read that";
    throw storageError(`layer "${id}" has no tar-split, so its tar cannot be made again`, { hint });
  }

  #bigData(image: StorageImage, key: string): Uint8Array {
    return readDocument(join(this.#root, `${this.#findDriver()}-images`, image.id, bigDataName(key)));
  }

  #list(kind: "images" | "layers"): Uint8Array {
    const path = join(this.#root, `${this.#findDriver()}-${kind}`, `${kind}.json`);
    return readDocument(path, { bytesMax: storageListBytesMax });
  }

  #findDriver(): Driver {
    const names = Object.keys(drivers) as Driver[];
    this.#driver ??= names.find((name) => existsSync(join(this.#root, `${name}-images`, "images.json")));
    if (this.#driver !== undefined) return this.#driver;
    const message = `Cannot read containers-storage "${this.#root}": want a directory with overlay-images/images.json`;
    throw new AshlarError("REGISTRY_STORAGE", message, { hint: "name it: containers-storage:[DIR]NAME:TAG" });
  }
}

/** The whole name that a text means among the images there: as it is, with `latest`, of this host, of docker's hub. */
function nameOf(text: string, images: readonly StorageImage[]): string | undefined {
  const known = new Set(images.flatMap(({ names }) => names));
  const tagged = /[:@][^/]*$/.test(text) ? text : `${text}:latest`;
  const whole = ["", "localhost/", "docker.io/library/", "docker.io/"].map((prefix) => `${prefix}${tagged}`);
  return whole.find((name) => known.has(name));
}

/** Six digits at least, as for images of the store. */
function isShortId(text: string, id: string): boolean {
  return /^[0-9a-f]{6,64}$/.test(text) && id.startsWith(text);
}

/** An image for each of its names, called by its ID. */
function entriesOf({ id, names }: StorageImage): Descriptor[] {
  const plain = { mediaType: mediaTypes.manifest, digest: `sha256:${id}` as Digest, sizeBytes: 0 };
  if (names.length === 0) return [plain];
  return names.map((name) => ({ ...plain, annotations: { [annotationKeys.refName]: name } }));
}

function missing(root: string, what: string): never {
  const message = `Cannot read "${what}" in containers-storage "${root}": no image that was opened has it`;
  throw new AshlarError("OCI_BLOB_MISSING", message);
}
