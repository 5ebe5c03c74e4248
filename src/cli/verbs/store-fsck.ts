// SPDX-License-Identifier: Apache-2.0
import { resolve } from "node:path";

import { AshlarError, type Json } from "../../base/index.ts";
import type { FsckFault, FsckReport, FsckSubset } from "../../store/index.ts";
import { type Broken, brokenImages, shownRef } from "../broken-images.ts";
import { exitCodes } from "../exit-code.ts";
import { openForReading } from "../open-store.ts";
import { showOrigin } from "../origin.ts";
import { preferMemory } from "../prefer-memory.ts";
import { makeProgress } from "../progress.ts";
import { type Attempt, restoreImages } from "../restore-images.ts";
import type { GlobalOptions, Outcome, Shell } from "../shell.ts";
import { printable } from "../show.ts";

interface FsckOptions extends GlobalOptions {
  readonly full?: boolean;
  readonly subset?: string;
  readonly repair?: boolean;
  readonly restore?: boolean;
  readonly from?: readonly string[];
}

/** What was found, and after a repair what is left. */
interface Checked {
  readonly found: FsckReport;
  readonly left: FsckReport;
  readonly broken: readonly Broken[];
  readonly attempts?: readonly Attempt[];
}

/**
 * `ashlar store fsck`. After a repair it looks again: what is left is what cannot be repaired with what is here.
 * Throws `USAGE_SUBSET`.
 */
export async function fsck(shell: Shell, options: FsckOptions): Promise<Outcome> {
  preferMemory();
  const subset = parseSubset(options.subset);
  const checked = await check(shell, options, subset);
  const done = restores(options) && checked.broken.length > 0 ? await restore(shell, options, checked) : checked;
  const { found, left, broken } = done;
  const isWhole = left.faults.length === 0;
  const what = subset === undefined ? "the store" : `part ${subset.part} of ${subset.of}`;
  const repaired = left === found ? "" : `${counted(found)} repaired as far as can be\n${lines(left.faults)}`;
  const verdict = isWhole ? `${what} is whole\n` : `${counted(left)}\n`;
  const text = [lines(found.faults), quarantineLine(found), repaired, broken.map(brokenLines).join(""), verdict];
  return {
    text: text.join(""),
    json: jsonOf(done) as Json,
    exitCode: isWhole ? exitCodes.done : exitCodes.verification,
  };
}

function restores({ restore: asked, from = [] }: FsckOptions): boolean {
  return asked === true || from.length > 0;
}

function parseSubset(text: string | undefined): FsckSubset | undefined {
  if (text === undefined) return undefined;
  const [part = 0, of = 0] = /^\d{1,6}\/\d{1,6}$/.test(text) ? text.split("/").map(Number) : [];
  if (part >= 1 && part <= of) return { part, of };
  throw new AshlarError("USAGE_SUBSET", `Cannot use --subset "${text}": want N/M, the part N of M`, {
    hint: "e.g. --subset 3/30 on the third day of thirty",
  });
}

async function check(shell: Shell, options: FsckOptions, subset: FsckSubset | undefined): Promise<Checked> {
  const store = await openForReading(shell, options);
  try {
    const progress = makeProgress(shell, options);
    const repair = options.repair === true || restores(options);
    const found = store.fsck({ full: options.full === true, subset, repair, progress });
    // All bytes were read: what is left to find is what is missing now.
    const left = repair && found.faults.length > 0 ? store.fsck({ full: false, progress }) : found;
    return { found, left, broken: brokenImages(store, left) };
  } finally {
    store.close();
  }
}

async function restore(shell: Shell, options: FsckOptions, { found, broken }: Checked): Promise<Checked> {
  const more = (options.from ?? []).map((spec) => ["build", resolve(shell.cwd, spec), "--frozen"]);
  const attempts = await restoreImages(shell, { broken, more, options });
  const store = await openForReading(shell, options);
  try {
    const left = store.fsck({ full: false, progress: makeProgress(shell, options) });
    return { found, left, broken: brokenImages(store, left), attempts };
  } finally {
    store.close();
  }
}

function lines(faults: readonly FsckFault[]): string {
  return faults.map(faultLines).join("");
}

function faultLines({ what, why, hint, refs, repair }: FsckFault): string {
  const names = refs.map((name) => printable(shownRef(name)));
  const shown = names.length > 5 ? [...names.slice(0, 5), `${names.length - 5} more`] : names;
  const need = names.length === 0 ? "" : `  needed by ${shown.join(", ")}\n`;
  const end = repair ?? hint;
  const state = why.replace(`Cannot read content "${what}": `, "");
  return `${printable(what)}: ${printable(state)}${end === undefined ? "" : ` (${end})`}\n${need}`;
}

function quarantineLine({ quarantined }: FsckReport): string {
  return quarantined.map((path) => `in quarantine: ${printable(path)}\n`).join("");
}

/** The last thing to say of what cannot be had is how to be rid of it: it keeps gc from working. */
function brokenLines({ names, isImage, origin }: Broken): string {
  const [first = ""] = names;
  const forget = `ashlar store forget ${printable(first)}`;
  const advice = origin === undefined ? "build its spec again: ashlar store fsck --from SPEC" : showOrigin(origin);
  // What was noted of an archive when it was last asked is noted anew.
  const back = isImage ? `  to bring it back: ${advice}\n  or forget it: ${forget}\n` : `  forget it: ${forget}\n`;
  return `not whole: ${names.map(printable).join(", ")}\n${back}`;
}

function counted({ faults }: FsckReport): string {
  return faults.length === 1 ? "1 fault" : `${faults.length} faults`;
}

function jsonOf({ found, left, broken, attempts }: Checked): unknown {
  const images = broken.map(({ names, origin }) => ({ names, ...(origin && { command: showOrigin(origin) }) }));
  const repaired = left === found ? {} : { repaired: found.faults, quarantined: found.quarantined };
  return { ...left, ...repaired, images, ...(attempts === undefined ? {} : { restored: attempts }) };
}
