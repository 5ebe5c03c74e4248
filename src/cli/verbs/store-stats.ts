// SPDX-License-Identifier: Apache-2.0
import { writeFileSync } from "node:fs";
import { resolve } from "node:path";

import { AshlarError, type Digest, isSystemError, type Json } from "../../base/index.ts";
import { type CurrentImage, currentImages } from "../../build/index.ts";
import { type ContentBytes, drawSharing, measureSharing, type Sharing, type SharingImage } from "../../query/index.ts";
import type { Store, StoreStats } from "../../store/index.ts";
import { openForReading } from "../open-store.ts";
import type { GlobalOptions, Outcome, Shell } from "../shell.ts";
import { printable, showBytes, showTable } from "../show.ts";

interface StatsOptions extends GlobalOptions {
  readonly svg?: string;
  readonly totals?: boolean;
}

/** `ashlar store stats`. Throws `USAGE_STATS`, `STATS_WRITE`. */
export async function stats(shell: Shell, options: StatsOptions): Promise<Outcome> {
  if (options.totals === true && options.svg !== undefined) {
    throw new AshlarError("USAGE_STATS", "Cannot draw what images share with --totals: want one of --svg and --totals");
  }
  const store = await openForReading(shell, options);
  try {
    const figures = store.stats();
    if (options.totals === true) return { text: figureTable(figures), json: figures as unknown as Json };
    const sharing = sharingOf(store);
    const path = options.svg === undefined ? undefined : resolve(shell.cwd, options.svg);
    if (path !== undefined) writePicture(path, drawSharing(sharing));
    const made = path === undefined ? "" : `${printable(path)}\n`;
    return {
      text: `${figureTable(figures)}${imageTable(sharing)}${made}`,
      json: { ...figures, ...sharing, ...(path === undefined ? {} : { svg: path }) } as unknown as Json,
    };
  } finally {
    store.close();
  }
}

function figureTable(figures: StoreStats): string {
  return showTable([
    ["contents", figures.contents, showBytes(figures.contentBytes)],
    ["packs", figures.packs, showBytes(figures.packBytes)],
    ["links", figures.links, showBytes(figures.linkBytes)],
    ["downloads", figures.downloads, showBytes(figures.downloadBytes)],
    ["index", "", showBytes(figures.indexBytes)],
    ["actions", figures.actions],
    ["refs", figures.refs],
    ["adopted files", figures.adopted, showBytes(figures.adoptedBytes)],
    ["all on disk", "", showBytes(figures.diskBytes)],
  ]);
}

function sharingOf(store: Store): Sharing {
  const lease = store.lease();
  try {
    const images = currentImages(store);
    const names = new Set<string>();
    const several = new Set(images.flatMap(({ name }) => (names.has(name) ? name : (names.add(name), []))));
    return measureSharing(readTrees(store, images, several), (digest) => sizeOf(store, digest));
  } finally {
    lease.release();
  }
}

/** One tree at a time; names of several platforms are told apart by them. */
function* readTrees(
  store: Store,
  images: readonly CurrentImage[],
  several: ReadonlySet<string>,
): Generator<SharingImage, void, void> {
  for (const { name, platform, flat, layers } of images) {
    yield { name: several.has(name) ? `${name} ${platform}` : name, tree: store.readTree(flat), layers };
  }
}

function sizeOf(store: Store, digest: Digest): ContentBytes {
  const info = store.info(digest);
  const storedBytes = info?.frames.reduce((sum, frame) => sum + frame.storedBytes, 0) ?? 0;
  return { rawBytes: info?.sizeBytes ?? 0, storedBytes };
}

function imageTable({ images, total }: Sharing): string {
  if (images.length === 0) return "";
  const head = ["image", "files", "size", "kept as", "in all", "in some", "own", "layers"];
  const rows = images.map((image) => [
    printable(image.name),
    image.files,
    ...[image.rawBytes, image.storedBytes].map(showBytes),
    ...[image.withAllBytes, image.withSomeBytes, image.ownBytes].map(showBytes),
    showBytes(image.layerBytes),
  ]);
  const costs = showTable([
    ["every file once", showBytes(total.storedBytes), `${total.contents} files of ${showBytes(total.rawBytes)}`],
    ["as plain layers", showBytes(total.layerBytes), "equal ones once"],
    ["as whole images", showBytes(total.wholeBytes), "nothing shared"],
  ]);
  return `\n${showTable([head, ...rows])}\n${costs}`;
}

function writePicture(path: string, svg: string): void {
  try {
    writeFileSync(path, svg);
  } catch (cause) {
    if (!isSystemError(cause, "ENOENT", "ENOTDIR", "EISDIR", "EACCES", "EROFS", "ENOSPC")) throw cause;
    throw new AshlarError("STATS_WRITE", `Cannot write picture "${path}": ${cause.message}`, { cause });
  }
}
