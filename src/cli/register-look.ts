// SPDX-License-Identifier: Apache-2.0
import type { Command } from "commander";

import type { Finish } from "./finish.ts";
import type { Shell } from "./shell.ts";

const imageHelp =
  "IMAGE: a name, name@digest or digest prefix in the store, KIND:PATH[:TAG], or HOST/NAME[:TAG] in a registry";

/** The verbs that look into images. Their work is loaded when they are run. */
export function registerLookVerbs(program: Command, shell: Shell, finish: Finish): void {
  registerInspect(program, shell, finish);
  registerTree(program, shell, finish);
  registerCat(program, shell, finish);
  registerDiff(program, shell, finish);
  registerWhy(program, shell, finish);
}

function registerInspect(program: Command, shell: Shell, finish: Finish): void {
  program
    .command("inspect <image>")
    .description("show what an image is: digests, config, layers, packages, sizes")
    .option("--platform <platform>", "which platform of several")
    .option("--packages", "list every package")
    .addHelpText("after", `\n${imageHelp}`)
    .action(async (image, options) =>
      finish(await (await import("./verbs/inspect.ts")).inspect(shell, image, options), options),
    );
}

function registerTree(program: Command, shell: Shell, finish: Finish): void {
  program
    .command("tree <image> [path]")
    .description("list the files of an image as they lie in its root")
    .option("--platform <platform>", "which platform of several")
    .option("--long", "with mode, owner, size and digest")
    .addHelpText("after", `\n${imageHelp}`)
    .action(async (image, path, options) =>
      finish(await (await import("./verbs/tree.ts")).tree(shell, image, path, options), options),
    );
}

function registerCat(program: Command, shell: Shell, finish: Finish): void {
  program
    .command("cat <image> <path>")
    .description("print a file of an image")
    .option("--platform <platform>", "which platform of several")
    .addHelpText("after", `\n${imageHelp}`)
    .action(async (image, path, options) =>
      finish(await (await import("./verbs/cat.ts")).cat(shell, image, path, options), options),
    );
}

function registerDiff(program: Command, shell: Shell, finish: Finish): void {
  program
    .command("diff <a> <b>")
    .description("show what changed between two images: packages, files, config")
    .option("--platform <platform>", "which platform of several")
    .option("--exit-code", "exit 1 when they differ")
    .addHelpText("after", `\n${imageHelp}`)
    .action(async (a, b, options) =>
      finish(await (await import("./verbs/diff.ts")).diff(shell, a, b, options), options),
    );
}

function registerWhy(program: Command, shell: Shell, finish: Finish): void {
  program
    .command("why <image> <path-or-package>")
    .description("show the chain that brought a file or a package into an image")
    .option("--platform <platform>", "which platform of several")
    .addHelpText("after", "\nExample: ashlar why example/nginx /usr/lib/x86_64-linux-gnu/libssl.so.3")
    .action(async (image, subject, options) =>
      finish(await (await import("./verbs/why.ts")).why(shell, image, subject, options), options),
    );
}
