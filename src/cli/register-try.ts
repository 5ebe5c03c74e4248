// SPDX-License-Identifier: Apache-2.0
import type { Command } from "commander";

import { collect } from "./collect.ts";
import type { Finish } from "./finish.ts";
import type { Shell } from "./shell.ts";

const subjectHelp = `
SPEC|IMAGE: a directory or file with a spec, which is built first; or a name, name@digest or digest prefix in the
store; or KIND:PATH[:TAG]. There is no network, and what is changed is thrown away. (docs/run.md)`;

/** The verbs that try an image out. Their work is loaded when they are run. */
export function registerTryVerbs(program: Command, shell: Shell, finish: Finish): void {
  withTryOptions(program.command("run <image> [command...]"))
    .description("run an image, or a command in it, and throw away what it changes")
    .addHelpText(
      "after",
      `${subjectHelp}

Examples:
  ashlar run examples/python
  ashlar run examples/python -- python3 -c 'print(1)'
  ashlar run example/nginx --mount ./site:/srv/www:ro --user 0

The exit code is the command's.`,
    )
    .action(async (image, command, options) =>
      finish(await (await import("./verbs/run.ts")).run(shell, image, command, options), options),
    );
  withTryOptions(program.command("shell <image> [command...]"))
    .description("look inside an image with tools that are mounted beside it, as root")
    .option("--step <name>", "the root that a step of SPEC runs in, instead of the image's")
    .option("--secret <name=from>", "a step's secret, from a file or env:VARIABLE (may repeat)", collect)
    .option("--tools <program>", "a statically linked busybox (default: the host's, else the archive's)")
    .addHelpText(
      "after",
      `${subjectHelp}

Examples:
  ashlar shell example/static
  ashlar shell oci:out -- ls -l /etc
  ashlar shell examples/c-program --step sums`,
    )
    .action(async (image, command, options) =>
      finish(await (await import("./verbs/shell.ts")).shell(shell, image, command, options), options),
    );
}

function withTryOptions(command: Command): Command {
  return command
    .option("--platform <platform>", "which platform of several (default: the host's)")
    .option("--image <name>", "which image of a fleet")
    .option("--user <user>", "USER[:GROUP], names or numbers")
    .option("--mount <mount>", "SRC:DST[:ro], a file or directory of the host (may repeat)", collect)
    .option("--env <variable>", "NAME=VALUE (may repeat)", collect)
    .option("--workdir <dir>", "where the command starts")
    .option("--set <name=value>", "a parameter for input() of the spec (may repeat)", collect)
    .option("--frozen", "fail when the spec's lock is missing or stale (the default where CI is set)")
    .option("--offline", "build the spec with only what the store has");
}
