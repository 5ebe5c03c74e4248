// SPDX-License-Identifier: Apache-2.0
import { AshlarError, type ImagePath, parseEntryName } from "../base/index.ts";
import { JsonObject, ociLimits, parseStrictJson } from "../oci/index.ts";

/** One image in the manifest.json of `docker save`; paths are names of members of the archive. */
export interface DockerImage {
  readonly config: ImagePath;
  /** `name:tag` */
  readonly repoTags: readonly string[];
  /** Lowest first. */
  readonly layers: readonly ImagePath[];
}

const what = "manifest.json";
const fields = ["Config", "RepoTags", "Layers"];

/** Parses manifest.json of a docker archive. Throws `OCI_LIMIT`, `OCI_JSON`, `OCI_FIELD`, `PATH_INVALID`. */
export function parseDockerManifest(bytes: Uint8Array): readonly DockerImage[] {
  const list = new JsonObject({ images: parseStrictJson(bytes, what) }, what, "", ["images"]);
  return list.objects("images", fields, ociLimits.manifestsMax).map(readImage);
}

function readImage(object: JsonObject): DockerImage {
  const layers = object.maybeTexts("Layers") ?? [];
  if (layers.length > ociLimits.layersMax) throw object.fault("Layers", `has more than ${ociLimits.layersMax} items`);
  return {
    config: memberName(object.text("Config")),
    repoTags: object.maybeTexts("RepoTags") ?? [],
    layers: layers.map(memberName),
  };
}

function memberName(text: string): ImagePath {
  const name = parseEntryName(text);
  if (name !== undefined) return name;
  throw new AshlarError("OCI_FIELD", `Cannot read ${what}: "${text.slice(0, 50)}" names no file`);
}

/** Encodes manifest.json: keys as `docker save` writes them, final line feed. */
export function encodeDockerManifest(images: readonly DockerImage[]): Uint8Array {
  const list = images.map((image) => ({ Config: image.config, RepoTags: image.repoTags, Layers: image.layers }));
  return Buffer.from(`${JSON.stringify(list)}\n`, "utf8");
}
