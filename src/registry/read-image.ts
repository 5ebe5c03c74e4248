// SPDX-License-Identifier: Apache-2.0
import { AshlarError, type Digest } from "../base/index.ts";
import {
  type Descriptor,
  type ImageSource,
  isIndexType,
  type Layer,
  ociLimits,
  type OpenImage,
  parseConfig,
  parseIndex,
  parseManifest,
  type Platform,
  selectPlatform,
  verifyBytes,
  verifyLayerCount,
} from "../oci/index.ts";
import { readConfig } from "./read-verified.ts";

export interface ReadOptions {
  /** The source's tag; without it its only image. */
  readonly tag?: string | undefined;
  /** Which image of an index; needed where it has more than one. */
  readonly platform?: Platform | undefined;
}

/**
 * Reads an image's manifest and config, verified and parsed; its layers are read when they are opened (by
 * `openLayerTar`, which verifies them). Throws `OCI_*` and the errors of the place.
 */
export async function readImage(source: ImageSource, options: ReadOptions = {}): Promise<OpenImage> {
  const manifestDescriptor = await chooseManifest(source, await source.resolve(options.tag), options.platform);
  const manifest = verifyBytes(manifestDescriptor, await source.manifest(manifestDescriptor));
  const parsedManifest = parseManifest(manifest, manifestDescriptor.mediaType);
  const config = await readConfig(source, parsedManifest.config);
  const parsedConfig = parseConfig(config);
  verifyLayerCount(parsedConfig, parsedManifest.layers.length);
  const layers = parsedManifest.layers.map((descriptor, i): Layer => ({
    descriptor,
    diffId: parsedConfig.diffIds[i] as Digest,
    open: () => source.blob(descriptor),
  }));
  return {
    platform: parsedConfig.platform,
    manifest,
    manifestDescriptor,
    config,
    layers,
    parsedManifest,
    parsedConfig,
  };
}

async function chooseManifest(
  source: ImageSource,
  root: Descriptor,
  platform: Platform | undefined,
): Promise<Descriptor> {
  let node = root;
  for (let depth = 0; isIndexType(node.mediaType); depth++) {
    if (depth > ociLimits.indexDepthMax) {
      throw new AshlarError(
        "OCI_LIMIT",
        `Cannot read image: indexes are nested deeper than ${ociLimits.indexDepthMax}`,
      );
    }
    const index = parseIndex(verifyBytes(node, await source.manifest(node)), node.mediaType);
    const [only, ...others] = index.manifests;
    const isOnly = only !== undefined && others.length === 0;
    if (isOnly && (platform === undefined || only.platform === undefined)) node = only;
    else if (platform !== undefined) node = selectPlatform(index, platform);
    else throw noChoice(node, index.manifests);
  }
  return node;
}

function noChoice(index: Descriptor, manifests: readonly Descriptor[]): AshlarError {
  const text = `Cannot choose from index "${index.digest}": it has ${manifests.length} images, want a platform`;
  return new AshlarError("OCI_PLATFORM_MISSING", text, { hint: "choose one with --platform" });
}
