// SPDX-License-Identifier: Apache-2.0
import { resolve } from "node:path";

import { AshlarError, compareOrdinal, type Digest, isAshlarError } from "../base/index.ts";
import {
  type BuildRequest,
  type BuiltImage,
  findImage,
  findProject,
  type LookedImage,
  lookAtRecord,
  lookAtSource,
  openBase,
} from "../build/index.ts";
import { readForeignRecord } from "../pull/index.ts";
import { formatPlatform, parsePlatform } from "../oci/index.ts";
import { openSource, type PlaceKind } from "../registry/index.ts";
import { type Document, imagesOf } from "../spec/index.ts";
import type { Store } from "../store/index.ts";
import { hostPlatform, platformChoice } from "./host-platform.ts";
import { openForWriting } from "./open-store.ts";
import { parsePlace, type Place } from "./place.ts";
import { makeProgress } from "./progress.ts";
import type { GlobalOptions, Shell } from "./shell.ts";
import { withBuilt } from "./verbs/build.ts";

/** Options by which `run` and `shell` find their image. */
export interface TryOptions extends GlobalOptions {
  readonly platform?: string;
  readonly image?: string;
  readonly set?: readonly string[];
  readonly frozen?: boolean;
  readonly offline?: boolean;
}

type Narrowed = Pick<BuildRequest, "images" | "platforms" | "keepsNames">;

/** An image whose files are in the store. */
export interface TriedImage {
  readonly store: Store;
  readonly looked: LookedImage;
  /** Digest of its encoded tree. */
  readonly flat: Digest;
}

/**
 * Finds what SPEC or IMAGE means, builds or imports it where that is needed, lets `use` work with it, and closes
 * the store. A path at which there is a spec is a SPEC, whatever images are called.
 */
export async function withTriedImage<T>(
  shell: Shell,
  text: string,
  options: TryOptions,
  use: (image: TriedImage) => Promise<T>,
): Promise<T> {
  const place = parsePlace(text, shell);
  if (place === undefined && isSpec(text, shell)) return withSpec(shell, text, options, use);
  const store = await openForWriting(shell, options);
  const lease = store.lease();
  try {
    if (place !== undefined) return await use(await importPlace(shell, { place, text, store, options }));
    return await use(
      inStore(store, lookAtRecord(store, findImage(store, text), platformChoice(options.platform))),
    );
  } finally {
    lease.release();
    store.close();
  }
}

function isSpec(text: string, shell: Shell): boolean {
  try {
    findProject(resolve(shell.cwd, text), text);
    return true;
  } catch (error) {
    if (isAshlarError(error, "SPEC_NOT_FOUND")) return false;
    throw error;
  }
}

/** Builds what is tried and no other image or platform, quietly where nobody watches. */
function withSpec<T>(
  shell: Shell,
  text: string,
  options: TryOptions,
  use: (image: TriedImage) => Promise<T>,
): Promise<T> {
  const { image, platform: _platform, ...others } = options;
  const quiet = options.quiet === true || (options.progress === undefined && !shell.errIsTerminal);
  const building = { ...others, quiet, compression: "zstd:chunked" as const };
  return withBuilt(
    shell,
    text,
    building,
    async ({ run: { store }, images }) => {
      const { record } = images.at(-1) as BuiltImage;
      return use(inStore(store, lookAtRecord(store, record, platformChoice(options.platform))));
    },
    (document) => narrow(document, text, options),
  );
}

/** One image of a document for one platform. Throws `USAGE_IMAGE`. */
export function narrow(document: Document, text: string, { image, platform }: TryOptions): Narrowed {
  const images = imagesOf(document);
  const keys = Object.keys(images).sort(compareOrdinal);
  const key = image ?? (keys.length === 1 ? keys[0] : undefined);
  if (key === undefined) {
    throw new AshlarError("USAGE_IMAGE", `Cannot choose an image of "${text}": it has ${keys.length}`, {
      hint: `choose with --image: ${keys.join(", ")}`,
    });
  }
  const known = images[key]?.platforms ?? [];
  const own = known.includes(hostPlatform()) ? hostPlatform() : known[0];
  const chosen = platform === undefined ? own : formatPlatform(parsePlatform(platform));
  return { images: [key], platforms: chosen === undefined ? undefined : [chosen], keepsNames: "of parts" };
}

function inStore(store: Store, looked: LookedImage): TriedImage {
  const { flat } = looked;
  if (flat === undefined) throw new Error("internal error: an image of the store without a record");
  return { store, looked, flat };
}

interface Importing {
  readonly place: Place<PlaceKind>;
  readonly text: string;
  readonly store: Store;
  readonly options: TryOptions;
}

/** Brings an image from elsewhere into the store, as for standing on it. */
async function importPlace(shell: Shell, { place, text, store, options }: Importing): Promise<TriedImage> {
  const source = openSource(place.kind, place.path);
  const platform = platformChoice(options.platform);
  const looked = await lookAtSource(source, { name: text, tag: place.tag, platform });
  const from = { name: text, digest: looked.digest };
  const progress = makeProgress(shell, options);
  const record = await openBase({
    store,
    projectDir: shell.cwd,
    from,
    platform: looked.platform,
    progress,
    place: { source, what: `"${text}"` },
  });
  return { store, looked, flat: readForeignRecord(store, record).flat };
}
