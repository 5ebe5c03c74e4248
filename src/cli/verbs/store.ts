// SPDX-License-Identifier: Apache-2.0
import type { Json } from "../../base/index.ts";
import type { FsckReport } from "../../store/index.ts";
import { exitCodes } from "../exit-code.ts";
import { openForReading } from "../open-store.ts";
import { makeProgress } from "../progress.ts";
import type { GlobalOptions, Outcome, Shell } from "../shell.ts";

interface FsckOptions extends GlobalOptions {
  readonly full?: boolean;
  readonly repair?: boolean;
}

/** `ashlar store fsck`. After a repair it looks again: what is left is what cannot be repaired. */
export async function fsck(shell: Shell, options: FsckOptions): Promise<Outcome> {
  const store = await openForReading(shell, options);
  const step = makeProgress(shell, options).start("check the store");
  try {
    const full = options.full === true;
    const report = store.fsck({ full, repair: options.repair === true });
    const left = options.repair === true && report.faults.length > 0 ? store.fsck({ full }) : report;
    step.done(`${report.contents} contents in ${report.packs} packs`);
    const repaired = left === report ? "" : `${counted(report)}: what was damaged is removed\n${lines(left)}`;
    const verdict = left.faults.length === 0 ? "the store is whole\n" : `${counted(left)}\n`;
    const exitCode = left.faults.length === 0 ? exitCodes.done : exitCodes.verification;
    const json = left === report ? report : { ...left, repaired: report.faults };
    return { text: lines(report) + repaired + verdict, json: json as unknown as Json, exitCode };
  } finally {
    store.close();
  }
}

function lines({ faults }: FsckReport): string {
  return faults.map(({ what, why, hint }) => `${what}: ${why}${hint ? ` (${hint})` : ""}\n`).join("");
}

function counted({ faults }: FsckReport): string {
  return faults.length === 1 ? "1 fault" : `${faults.length} faults`;
}
