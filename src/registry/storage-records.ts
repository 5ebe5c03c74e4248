// SPDX-License-Identifier: Apache-2.0
import { AshlarError } from "../base/index.ts";
import { JsonObject, ociLimits, parseStrictJson } from "../oci/index.ts";

/** An image as containers-storage lists it in images.json. */
export interface StorageImage {
  /** 64 hexadecimal digits; mostly those of the config's digest. */
  readonly id: string;
  /** Whole, e.g. `docker.io/library/debian:12`, `localhost/app:latest`. */
  readonly names: readonly string[];
  /** Its uppermost layer; absent where it has none. */
  readonly layer: string | undefined;
}

/** A layer as layers.json lists it. */
export interface StorageLayer {
  readonly id: string;
  readonly parent: string | undefined;
  /** Bytes of its tar, where the engine noted them. */
  readonly diffBytes: number | undefined;
}

/** Bytes of one of the lists; an image takes some 2 kB, a layer 1 kB. */
export const storageListBytesMax = 64 << 20;
const countMax = 100_000;

/** Parses images.json. Throws `OCI_LIMIT`, `OCI_JSON`, `OCI_FIELD`. */
export function parseStorageImages(bytes: Uint8Array): readonly StorageImage[] {
  return records(bytes, "images.json", ["id", "names", "layer"]).map((object) => ({
    id: readId(object, "id"),
    names: object.maybeTexts("names") ?? [],
    layer: object.maybeText("layer") ? readId(object, "layer") : undefined,
  }));
}

/** Parses layers.json; the last of two entries of one layer counts. Errors as `parseStorageImages`. */
export function parseStorageLayers(bytes: Uint8Array): ReadonlyMap<string, StorageLayer> {
  const layers = records(bytes, "layers.json", ["id", "parent", "diff-size"]).map((object) => ({
    id: readId(object, "id"),
    parent: object.maybeText("parent") ? readId(object, "parent") : undefined,
    diffBytes: object.maybeCount("diff-size"),
  }));
  return new Map(layers.map((layer) => [layer.id, layer]));
}

/** The layers of an image, lowest first. Throws `REGISTRY_STORAGE`. */
export function layerChain(
  image: StorageImage,
  layers: ReadonlyMap<string, StorageLayer>,
): readonly StorageLayer[] {
  const chain: StorageLayer[] = [];
  for (let id = image.layer; id !== undefined; ) {
    const layer = layers.get(id);
    const fault = layer === undefined ? `layer "${id}" is not there` : "its layers go round or are too many";
    if (layer === undefined || chain.length === ociLimits.layersMax) {
      throw new AshlarError("REGISTRY_STORAGE", `Cannot read image "${image.id}" in containers-storage: ${fault}`);
    }
    chain.push(layer);
    id = layer.parent;
  }
  return chain.reverse();
}

/** The file name of an image's big data (containers/storage, `makeBigDataBaseName`). */
export function bigDataName(key: string): string {
  return /^[.0-9a-z]*$/.test(key) ? key : `=${Buffer.from(key, "utf8").toString("base64")}`;
}

function records(bytes: Uint8Array, what: string, fields: readonly string[]): JsonObject[] {
  const value = parseStrictJson(bytes, what, storageListBytesMax);
  return new JsonObject({ list: value }, what, "", ["list"]).maybeObjects("list", fields, countMax) ?? [];
}

/** Ids become names of directories. */
function readId(object: JsonObject, key: string): string {
  const id = object.text(key);
  if (/^[0-9a-f]{64}$/.test(id)) return id;
  throw object.fault(key, "want 64 lower-case hex digits");
}
