// SPDX-License-Identifier: Apache-2.0
import { pathToFileURL } from "node:url";
import { join } from "node:path";

import { isAshlarError } from "../../src/base/index.ts";
import { runCommandLine } from "../../src/cli/command-line.ts";
import { hostFault } from "../../src/cli/host-fault.ts";

/** One thing that is done in a store: a command line, or what no command does by itself. */
export type Step = readonly string[] | ((base: string) => Promise<void>);

/** How a step ended. */
export interface StepEnded {
  /** Exit code of the command. */
  readonly status: number;
  /** The last line of stdout. */
  readonly last: string;
  readonly err: string;
}

/** Runs a step in this process, on the store and project below `base`. */
export async function runStep(base: string, step: Step): Promise<StepEnded> {
  return typeof step === "function" ? runOwn(base, step) : runArgs(base, step);
}

async function runOwn(base: string, step: (base: string) => Promise<void>): Promise<StepEnded> {
  try {
    await step(base);
    return { status: 0, last: "", err: "" };
  } catch (thrown) {
    // As the command line, which is not in between here.
    const error = hostFault(thrown);
    const err = isAshlarError(error) ? `error[${error.code}]: ${error.message}` : `error[INTERNAL]: ${String(error)}`;
    return { status: 1, last: "", err };
  }
}

async function runArgs(base: string, args: readonly string[]): Promise<StepEnded> {
  const [printed, said]: [string[], string[]] = [[], []];
  const status = await runCommandLine([...args, "--store=store", "--debug"], {
    env: {
      PATH: process.env["PATH"],
      HOME: base,
      ASHLAR_MIRROR: pathToFileURL(join(base, "archive")).href,
    },
    cwd: base,
    nowSeconds: Math.floor(Date.now() / 1000),
    out: (text) => void printed.push(Buffer.from(text).toString("utf8")),
    err: (text) => void said.push(text),
    errIsTerminal: false,
    columns: 80,
  });
  return { status, last: printed.join("").trim().split("\n").at(-1) ?? "", err: said.join("") };
}
