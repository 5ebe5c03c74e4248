// SPDX-License-Identifier: Apache-2.0
import type { Json } from "../../base/index.ts";
import { pruneSuperseded } from "../../build/index.ts";
import { exitCodes } from "../exit-code.ts";
import { openForReading, openForWriting } from "../open-store.ts";
import { makeProgress } from "../progress.ts";
import type { GlobalOptions, Outcome, Shell } from "../shell.ts";
import { showBytes } from "../show.ts";

interface GcOptions extends GlobalOptions {
  readonly dryRun?: boolean;
  readonly prune?: boolean;
}

/** How long gc waits for builds that are running. */
const gcWaitMs = 60_000;

/** `ashlar store gc` */
export async function gc(shell: Shell, options: GcOptions): Promise<Outcome> {
  const store = await openForWriting(shell, options);
  try {
    const forgotten = options.prune && !options.dryRun ? pruneSuperseded(store) : 0;
    const report = store.gc({ dryRun: options.dryRun === true, waitMs: gcWaitMs });
    const { removedContents, removedDownloads, removedPacks, freedBytes } = report;
    const verb = options.dryRun ? "would free" : "freed";
    const what = `${removedContents} contents, ${removedPacks} packs, ${removedDownloads} downloads`;
    return {
      text: `${verb} ${showBytes(freedBytes)}: ${what}\n`,
      json: { ...report, forgotten } as unknown as Json,
    };
  } finally {
    store.close();
  }
}

interface FsckOptions extends GlobalOptions {
  readonly full?: boolean;
}

/** `ashlar store fsck` */
export async function fsck(shell: Shell, options: FsckOptions): Promise<Outcome> {
  const store = await openForReading(shell, options);
  const step = makeProgress(shell, options).start("check the store");
  try {
    const report = store.fsck({ full: options.full === true });
    step.done(`${report.contents} contents in ${report.packs} packs`);
    const lines = report.faults.map(
      (fault) => `${fault.what}: ${fault.why}${fault.hint ? ` (${fault.hint})` : ""}\n`,
    );
    const verdict = report.faults.length === 0 ? "the store is whole\n" : `${report.faults.length} faults\n`;
    const exitCode = report.faults.length === 0 ? exitCodes.done : exitCodes.verification;
    return { text: lines.join("") + verdict, json: report as unknown as Json, exitCode };
  } finally {
    store.close();
  }
}
