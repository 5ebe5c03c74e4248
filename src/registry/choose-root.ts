// SPDX-License-Identifier: Apache-2.0
import {
  type Descriptor,
  type ImageSource,
  isConfigType,
  isIndexType,
  mediaTypes,
  parseConfig,
  parseIndex,
  parseManifest,
  type Platform,
  selectPlatform,
} from "../oci/index.ts";
import { readConfig, readVerified } from "./read-verified.ts";

/** Which image of a place is meant. */
export interface RootChoice {
  /** The source's tag; without it its only image. */
  readonly from?: string | undefined;
  /** Only this image of an index; of a single image, it must be its own. */
  readonly platform?: Platform | undefined;
}

/** Finds what is to be copied. Throws `OCI_*`, among them `OCI_PLATFORM_MISSING`, and the errors of the place. */
export async function chooseRoot(source: ImageSource, { from, platform }: RootChoice): Promise<Descriptor> {
  const root = await source.resolve(from);
  if (platform === undefined) return root;
  const bytes = await readVerified(source, root);
  if (isIndexType(root.mediaType)) return selectPlatform(parseIndex(bytes, root.mediaType), platform);
  const { config } = parseManifest(bytes, root.mediaType);
  // What is no image has no platform that it could fail to be.
  if (!isConfigType(config.mediaType)) return root;
  const own = parseConfig(await readConfig(source, config)).platform;
  selectPlatform({ mediaType: mediaTypes.index, manifests: [{ ...root, platform: own }] }, platform);
  return root;
}

/** The source, of which nothing but `root` can be found: its tag may name another one meanwhile. */
export function pinnedSource(source: ImageSource, root: Descriptor): ImageSource {
  return { ...source, resolve: async () => root };
}
