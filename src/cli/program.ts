// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";

import { Command, Option } from "commander";

import type { Finish } from "./finish.ts";
import { registerBuildVerbs } from "./register-build.ts";
import { registerLookVerbs } from "./register-look.ts";
import { registerRegistryVerbs } from "./register-registry.ts";
import { registerStoreVerbs } from "./register-store.ts";
import { registerTryVerbs } from "./register-try.ts";
import type { Shell } from "./shell.ts";

const exitCodeHelp = `
Exit codes: 0 done, 1 failed, 2 usage or invalid spec, 3 lock missing or stale, 4 verification failed,
5 policy refused, 6 network or registry, 7 not reproducible, 130 interrupted, 141 nobody read the result.

First steps: ashlar init, ashlar build, ashlar inspect IMAGE. The tour is in the README.`;

/** The command line: every verb with its options and help. Runs nothing by itself. */
export function makeProgram(shell: Shell, finish: Finish): Command {
  const program = new Command("ashlar")
    .description("Builds container images from declared, locked and verified packages, bit for bit")
    .version(versionText(), "-V, --version")
    .showHelpAfterError("(add --help for the options)")
    .showSuggestionAfterError()
    .addHelpText("after", exitCodeHelp);
  registerBuildVerbs(program, shell, finish);
  registerLookVerbs(program, shell, finish);
  registerTryVerbs(program, shell, finish);
  registerRegistryVerbs(program, shell, finish);
  registerStoreVerbs(program, shell, finish);
  settle(program, shell);
  return program;
}

/** Gives every command the global options and makes it throw instead of ending the process. */
function settle(command: Command, shell: Shell): void {
  command.exitOverride().configureOutput({ writeOut: shell.out, writeErr: shell.err });
  for (const child of command.commands) settle(child, shell);
  if (command.commands.length > 0) return;
  command
    .option("--json", "print the result, and errors, as JSON on stdout")
    .option("-q, --quiet", "no progress on stderr")
    .option("--debug", "show stack traces of faults")
    .option("--store <dir>", "the store's directory (default: ASHLAR_STORE, else below the cache directory)")
    .addOption(
      new Option("--progress <how>", "how progress is shown").choices([
        "auto",
        "tty",
        "plain",
        "json",
        "none",
      ]),
    );
}

function versionText(): string {
  const file = new URL("../../package.json", import.meta.url);
  return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
}
