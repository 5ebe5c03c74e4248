// SPDX-License-Identifier: Apache-2.0
import { describeBytes, type Image, type ImageConfig, type Layer, mediaTypes, type Platform } from "../oci/index.ts";
import type { ConfigDocument } from "../spec/index.ts";
import { makeConfig } from "./make-config.ts";
import { makeManifest, type ManifestFacts } from "./make-manifest.ts";

/** A layer with its place in the history. */
export interface NamedLayer extends Layer {
  readonly createdBy: string;
  readonly comment?: string | undefined;
}

export interface ImageOptions extends ManifestFacts {
  readonly config: ConfigDocument;
  /** Of the image below; see `ConfigOptions`. */
  readonly base?: ImageConfig | undefined;
  readonly platform: Platform;
  /** Lowest first. */
  readonly layers: readonly NamedLayer[];
}

/** Makes an image of its layers: config, manifest and their digests. A pure function; no layer is opened. */
export function makeImage(options: ImageOptions): Image {
  const config = makeConfig(options);
  const layers = options.layers.map((layer): Layer => ({
    descriptor: layer.descriptor,
    diffId: layer.diffId,
    open: () => layer.open(),
  }));
  const manifest = makeManifest({ ...options, config, layers: layers.map((layer) => layer.descriptor) });
  const manifestDescriptor = describeBytes(mediaTypes.manifest, manifest);
  return { platform: options.platform, manifest, manifestDescriptor, config, layers };
}
