// SPDX-License-Identifier: Apache-2.0
import { CommanderError } from "commander";

import { AshlarError, type Json } from "../base/index.ts";
import { addCompletion } from "./completion.ts";
import { exitCodeOf, exitCodes } from "./exit-code.ts";
import { hostFault } from "./host-fault.ts";
import { makeProgram } from "./program.ts";
import { errorJson, renderError } from "./render-error.ts";
import { processShell, type Shell, wantsColour } from "./shell.ts";

/** Runs one command line; prints its result or its error and returns the exit code. */
export async function runCommandLine(
  args: readonly string[],
  shell: Shell = processShell(),
): Promise<number> {
  let exitCode: number = exitCodes.done;
  try {
    const program = makeProgram(shell, (outcome, options) => {
      shell.out(options.json ? `${JSON.stringify(outcome.json)}\n` : (outcome.bytes ?? outcome.text));
      exitCode = outcome.exitCode ?? exitCodes.done;
    });
    await addCompletion(program, args);
    await program.parseAsync([...args], { from: "user" });
    return exitCode;
  } catch (error) {
    return report(hostFault(error), args, shell);
  }
}

function report(error: unknown, args: readonly string[], shell: Shell): number {
  // Commander has printed help, version or its own complaint already.
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return exitCodes.done;
    if (args.includes("--json")) shell.out(`${JSON.stringify(usageJson(error))}\n`);
    return exitCodes.usage;
  }
  if (args.includes("--json")) shell.out(`${JSON.stringify(errorJson(error))}\n`);
  const style = { colour: wantsColour(shell), debug: args.includes("--debug") };
  for (const one of severalOf(error)) shell.err(renderError(one, style));
  return exitCodeOf(error);
}

function usageJson({ message }: CommanderError): Json {
  return { error: { code: "USAGE_COMMAND_LINE", message: message.replace(/^error: /, "") } };
}

/** An error that stands for several faults of one document is drawn as each of them. */
function severalOf(error: unknown): readonly unknown[] {
  if (!(error instanceof AshlarError)) return [error];
  const faults = error.details["faults"];
  return Array.isArray(faults) && faults.length > 0 && faults.every((one) => one instanceof AshlarError)
    ? faults
    : [error];
}
