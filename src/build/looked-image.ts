// SPDX-License-Identifier: Apache-2.0
import { readOwnedTree } from "../assemble/index.ts";
import { AshlarError, compareOrdinal, type Digest, type ImagePath, isAshlarError } from "../base/index.ts";
import { loadCompressor, type Tree } from "../formats/index.ts";
import { choosePlatform, type PlatformChoice } from "../image/index.ts";
import type { LockedPackage } from "../lock/index.ts";
import {
  formatPlatform,
  type ImageConfig,
  type ImageSource,
  type OpenImage,
  parseConfig,
  parsePlatform,
} from "../oci/index.ts";
import { type InstalledPackage, isPackageDatabase, readLayerTree, readPackages } from "../query/index.ts";
import { readImage } from "../registry/index.ts";
import type { Store } from "../store/index.ts";
import { installedIn, readForeignRecord } from "../pull/index.ts";
import { type ImageRecord, type NamedRecord, readStoredImage, type StoredImage } from "./record.ts";
import { describeStored } from "./stored-layers.ts";

export interface LookedLayer {
  /** The phase; absent for images made elsewhere. */
  readonly name?: string;
  readonly mediaType: string;
  readonly digest: Digest;
  readonly sizeBytes: number;
  readonly diffId: Digest;
}

/** An image for one platform, to be looked at: out of the store or from a place on disk. */
export interface LookedImage {
  readonly name: string;
  readonly platform: string;
  /** Of the manifest. */
  readonly digest: Digest;
  /** Of the config: docker's and podman's image ID. */
  readonly imageId: Digest;
  readonly config: ImageConfig;
  /** Tree: the whole root file system; absent where the image is not in the store. */
  readonly flat?: Digest;
  layers(): Promise<readonly LookedLayer[]>;
  tree(): Promise<Tree>;
  packages(): Promise<readonly InstalledPackage[]>;
  /** The bytes of a regular file of the tree. */
  read(path: ImagePath, content: Digest): Promise<Uint8Array>;
  /** What only the builder knows; absent for images made elsewhere. */
  readonly built?: {
    readonly record: ImageRecord;
    owners(): ReadonlyMap<ImagePath, string>;
    locked(): readonly LockedPackage[];
    /** Packages of the foreign image that it stands on. */
    inBase(): readonly InstalledPackage[];
  };
}

/** Opens an image of the store. Throws `IMAGE_PLATFORM`. */
export function lookAtRecord(store: Store, named: NamedRecord, platform: PlatformChoice): LookedImage {
  const chosen = choosePlatform(named, platform);
  const stored = readStoredImage(store, chosen.record);
  const common = {
    name: named.name,
    platform: chosen.platform,
    digest: stored.manifest,
    imageId: stored.config,
    config: parseConfig(store.read(stored.config)),
    flat: stored.flat,
    layers: () => layersOf(store, stored),
    tree: async () => store.readTree(stored.flat),
    read: async (_path: ImagePath, content: Digest) => store.read(content),
  };
  if (stored.built === undefined) {
    const packages = async (): Promise<readonly InstalledPackage[]> =>
      installedIn(store, readForeignRecord(store, chosen.record));
    return { ...common, packages };
  }
  return { ...common, ...lookAtBuilt(store, stored.built) };
}

/** What only the builder knows. */
function lookAtBuilt(
  store: Store,
  record: ImageRecord,
): Required<Pick<LookedImage, "packages" | "built">> {
  const locked = (): readonly LockedPackage[] =>
    JSON.parse(Buffer.from(store.read(record.packages)).toString("utf8")) as readonly LockedPackage[];
  const inBase = (): readonly InstalledPackage[] =>
    record.base === undefined ? [] : installedIn(store, readForeignRecord(store, record.base));
  return {
    packages: async () => sorted([...inBase(), ...installedOf(locked())]),
    built: {
      record,
      owners: () => readOwnedTree(store, record).owners,
      locked,
      inBase,
    },
  };
}

async function layersOf(store: Store, record: StoredImage): Promise<readonly LookedLayer[]> {
  const layers = await describeStored(record, { store, compressor: loadCompressor });
  return layers.map(({ plan: { name }, blob: { mediaType, digest, sizeBytes, diffId } }): LookedLayer => {
    return { name, mediaType, digest, sizeBytes, diffId };
  });
}

function installedOf(locked: readonly LockedPackage[]): readonly InstalledPackage[] {
  return locked
    .filter((item) => item.use === "install")
    .map(({ name, version, architecture, sourceName }) => ({ name, version, architecture, sourceName }));
}

function sorted(packages: readonly InstalledPackage[]): readonly InstalledPackage[] {
  return [...packages].sort(
    (a, b) => compareOrdinal(a.name, b.name) || compareOrdinal(a.architecture, b.architecture),
  );
}

/** Opens an image of a place on disk; its layers are read when its files are asked for. */
export async function lookAtSource(
  source: ImageSource,
  {
    name,
    tag,
    platform,
  }: { readonly name: string; readonly tag: string | undefined; readonly platform: PlatformChoice },
): Promise<LookedImage> {
  const image = await openImage(source, tag, platform);
  let database: Promise<{ tree: Tree; kept: ReadonlyMap<Digest, Uint8Array> }> | undefined;
  const read = (): NonNullable<typeof database> =>
    (database ??= readLayerTree(image.layers, { keep: isPackageDatabase }));
  return {
    name,
    platform: formatPlatform(image.platform),
    digest: image.manifestDescriptor.digest,
    imageId: image.parsedManifest.config.digest,
    config: image.parsedConfig,
    layers: async () => image.layers.map(({ descriptor, diffId }) => ({ ...descriptor, diffId })),
    tree: async () => (await read()).tree,
    packages: async () => {
      const { tree, kept } = await read();
      return readPackages(tree, (digest) => kept.get(digest) ?? new Uint8Array());
    },
    read: async (path, content) => readFile(image.layers, namesOf((await read()).tree, path), content),
  };
}

type Layers = Parameters<typeof readLayerTree>[0];

/** All names of a file: which of them the layers call the file is theirs to choose. */
function namesOf(tree: Tree, path: ImagePath): ReadonlySet<ImagePath> {
  const links = tree.filter((entry) => entry.type === "hardlink" && entry.target === path);
  return new Set([path, ...links.map((entry) => entry.path)]);
}

/** One file out of the layers, which are read once more for it. */
async function readFile(layers: Layers, names: ReadonlySet<ImagePath>, content: Digest): Promise<Uint8Array> {
  const { kept } = await readLayerTree(layers, { keep: (path) => names.has(path) });
  const bytes = kept.get(content);
  if (bytes !== undefined) return bytes;
  const fault = "files of more than 16 MiB are not read out of foreign layers";
  throw new AshlarError("IMAGE_FILE_LARGE", `Cannot read "/${[...names][0]}": ${fault}`);
}

/** What was asked for; else the host's platform; else the only one there is. */
async function openImage(
  source: ImageSource,
  tag: string | undefined,
  { asked, host }: PlatformChoice,
): Promise<OpenImage> {
  try {
    return await readImage(source, { tag, platform: parsePlatform(asked ?? host) });
  } catch (error) {
    if (asked !== undefined || !isAshlarError(error, "OCI_PLATFORM_MISSING")) throw error;
    return readImage(source, { tag });
  }
}
