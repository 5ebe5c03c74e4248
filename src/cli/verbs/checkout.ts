// SPDX-License-Identifier: Apache-2.0
import { resolve } from "node:path";

import { AshlarError, showPath } from "../../base/index.ts";
import { choosePlatform, findImage, readStoredRoot } from "../../image/find/index.ts";
import type { CheckoutReport, DevicePolicy } from "../../store/index.ts";
import { platformChoice } from "../host-platform.ts";
import { openForReading } from "../open-store.ts";
import { makeProgress } from "../progress.ts";
import type { GlobalOptions, Outcome, Shell } from "../shell.ts";
import { metadataFile, writeMetadata } from "../tree-file.ts";

interface CheckoutOptions extends GlobalOptions {
  readonly platform?: string;
  readonly copy?: boolean;
  readonly update?: boolean;
  readonly devices?: DevicePolicy;
  /** A path; true for the one beside the directory, false for none. */
  readonly metadata?: string | boolean;
}

/** `ashlar checkout IMAGE DIR` */
export async function checkout(
  shell: Shell,
  image: string,
  dir: string,
  options: CheckoutOptions,
): Promise<Outcome> {
  await verifyInStore(shell, image);
  const store = await openForReading(shell, options);
  try {
    const chosen = choosePlatform(findImage(store, image), platformChoice(options.platform));
    const { flat, manifest } = readStoredRoot(store, chosen.record);
    const path = resolve(shell.cwd, dir);
    const metadata = metadataFile(path, { asked: options.metadata, cwd: shell.cwd });
    const { copy, update, devices } = options;
    const report = store.checkout(flat, path, { mode: copy ? "copy" : "link", update, devices });
    if (metadata !== undefined) writeMetadata(metadata, store.read(flat));
    const { mode, update: counts } = report;
    tell(shell, { report, options });
    const left = report.skipped.map(({ path, why }) => ({ path: showPath(path), why }));
    const json = { image: manifest, dir, mode, metadata: metadata ?? null, update: counts ?? null, skipped: left };
    return { text: `${dir}\n`, json };
  } finally {
    store.close();
  }
}

/** Only what names a place needs the folder that knows them. */
async function verifyInStore(shell: Shell, image: string): Promise<void> {
  if (!image.includes(":") || (await import("../place.ts")).parsePlace(image, shell) === undefined) return;
  throw new AshlarError("USAGE_CHECKOUT", `Cannot check out "${image}": only images of the store can be`, {
    hint: `bring it into the store first: ashlar import ${image}`,
  });
}

interface Told {
  readonly report: CheckoutReport;
  readonly options: CheckoutOptions;
}

function tell(shell: Shell, { report: { mode, skipped, update }, options }: Told): void {
  const progress = makeProgress(shell, options);
  for (const { path, why } of skipped) progress.warn(`${showPath(path)} was left out: ${why}`);
  const other = "the directory lies on another file system than the store";
  if (mode !== "link" && options.copy !== true) {
    progress.note(mode === "copy" ? `copied: ${other}` : `files share their blocks with the store's: ${other}`);
  }
  if (update === undefined) return;
  progress.note(`${update.kept} entries stay, ${update.made} made, ${update.removed} removed`);
}
