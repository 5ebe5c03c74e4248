// SPDX-License-Identifier: Apache-2.0
import { writeFileSync } from "node:fs";
import { resolve } from "node:path";

import { AshlarError, isSystemError, type Json, type Progress } from "../../base/index.ts";
import { currentImages } from "../../build/index.ts";
import { drawSharing, measureSharing, type Sharing } from "../../query/index.ts";
import type { Store, StoreStats, VisitContent } from "../../store/index.ts";
import { openForReading } from "../open-store.ts";
import { preferMemory } from "../prefer-memory.ts";
import { makeProgress } from "../progress.ts";
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
  preferMemory();
  const store = await openForReading(shell, options);
  try {
    const figures = store.stats();
    if (options.totals === true) return { text: figureTable(figures), json: figures as unknown as Json };
    const sharing = sharingOf(store, figures.contents, makeProgress(shell, options));
    const path = options.svg === undefined ? undefined : resolve(shell.cwd, options.svg);
    if (path !== undefined) writePicture(path, drawSharing(sharing));
    const made = path === undefined ? "" : `${printable(path)}\n`;
    return {
      text: `${figureTable(figures)}${imageTable(sharing)}${made}`,
      json: { ...figures, ...toJson(sharing), ...(path === undefined ? {} : { svg: path }) } as unknown as Json,
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

function sharingOf(store: Store, contents: number, progress: Progress): Sharing {
  const lease = store.lease();
  try {
    const images = currentImages(store);
    const names = new Set<string>();
    const several = new Set(images.flatMap(({ name }) => (names.has(name) ? name : (names.add(name), []))));
    const step = progress.start("compare images", images.length, "items");
    const compared = images.map(({ name, platform, flat, layers }) => ({
      // Names of several platforms are told apart by them.
      name: several.has(name) ? `${name} ${platform}` : name,
      eachFile: (visit: VisitContent) => (store.eachFile(flat, visit), step.advance(1)),
      layers,
    }));
    const sharing = measureSharing(compared, { countExpected: contents, each: () => store.sizes() });
    step.done();
    return sharing;
  } finally {
    lease.release();
  }
}

function toJson({ groups, ...sharing }: Sharing): object {
  const listed = groups.map(({ images, contents, rawBytes, storedBytes }) => {
    return { images: [...images], contents, rawBytes, storedBytes };
  });
  return { ...sharing, groups: listed };
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
