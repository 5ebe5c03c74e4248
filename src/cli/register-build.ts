// SPDX-License-Identifier: Apache-2.0
import { type Command, Option } from "commander";

import { collect } from "./collect.ts";
import type { Finish } from "./finish.ts";
import type { Shell } from "./shell.ts";

const specHelp = "spec file, or a directory with ashlar.yaml or ashlar.ts";

/** The verbs that turn a spec into a lock and images. Their work is loaded when they are run. */
export function registerBuildVerbs(program: Command, shell: Shell, finish: Finish): void {
  registerInit(program, shell, finish);
  registerConvert(program, shell, finish);
  registerLock(program, shell, finish);
  registerUpdate(program, shell, finish);
  registerBuild(program, shell, finish);
}

function registerInit(program: Command, shell: Shell, finish: Finish): void {
  program
    .command("init [dir]")
    .description("write a first spec and its JSON Schema")
    .addOption(new Option("--form <form>", "language of the spec").choices(["yaml", "ts"]).default("yaml"))
    .option("--fleet", "a spec of several images")
    .action(async (dir, options) =>
      finish(await (await import("./verbs/init.ts")).init(shell, dir, options), options),
    );
}

function registerConvert(program: Command, shell: Shell, finish: Finish): void {
  program
    .command("convert <spec>")
    .description("print a spec in another form; the canonical document stays the same")
    .addOption(
      new Option("--to <form>", "the form wanted").choices(["yaml", "ts", "json"]).makeOptionMandatory(),
    )
    .option("--set <name=value>", "a parameter for input() (may repeat)", collect)
    .action(async (spec, options) =>
      finish(await (await import("./verbs/convert.ts")).convert(shell, spec, options), options),
    );
}

function registerLock(program: Command, shell: Shell, finish: Finish): void {
  program
    .command("lock [spec]")
    .description(`resolve and verify the packages of a spec and write ashlar.lock (${specHelp})`)
    .option("--check", "write nothing; exit 3 when the lock is missing or would change")
    .option("--set <name=value>", "a parameter for input() (may repeat)", collect)
    .option("--offline", "use only what the store has")
    .option("--allow-older", "accept an archive that is older than one seen before")
    .option("--allow-expired", "accept a Release file past its Valid-Until; the lock records it")
    .option("--allow-release-change", "accept an archive whose codename, origin or label changed")
    .addHelpText("after", "\nExample: ashlar lock --check && ashlar build --frozen")
    .action(async (spec, options) =>
      finish(await (await import("./verbs/lock.ts")).lock(shell, spec, options), options),
    );
}

function registerUpdate(program: Command, shell: Shell, finish: Finish): void {
  program
    .command("update [packages...]")
    .description("move the lock to the archive's newest packages, all or those named, and show what changes")
    .option("--spec <spec>", specHelp)
    .option("--dry-run", "only show")
    .option("--set <name=value>", "a parameter for input() (may repeat)", collect)
    .option("--allow-older", "accept an archive that is older than one seen before")
    .option("--allow-expired", "accept a Release file past its Valid-Until; the lock records it")
    .option("--allow-release-change", "accept an archive whose codename, origin or label changed")
    .action(async (packages, options) =>
      finish(await (await import("./verbs/lock.ts")).update(shell, packages, options), options),
    );
}

function registerBuild(program: Command, shell: Shell, finish: Finish): void {
  program
    .command("build [spec]")
    .description(`build the images of a spec (${specHelp})`)
    .option(
      "-o, --output <place>",
      "also write oci:PATH[:TAG], oci-archive:, docker-archive: or rootfs: (may repeat)",
      collect,
    )
    .option("--image <name>", "of a fleet only this image, and what it stands on (may repeat)", collect)
    .option("--platform <platform>", "only this platform (may repeat)", collect)
    .addOption(
      new Option("--compression <form>", "form of the layers")
        .choices(["zstd:chunked", "zstd", "gzip", "none"])
        .default("zstd:chunked"),
    )
    .option("--set <name=value>", "a parameter for input() (may repeat)", collect)
    .option("--secret <name=from>", "a step's secret, from a file or env:VARIABLE (may repeat)", collect)
    .option("--frozen", "fail when the lock is missing or stale (the default where CI is set)")
    .option("--offline", "use only what the store has")
    .option("--check", "build a second time under other circumstances and compare; exit 7 when it differs")
    .option("--workers <count>", "threads for unpacking (default: one for each processor)")
    .option("--load <engine>", "hand the image to docker or podman")
    .addHelpText(
      "after",
      "\nExamples:\n  ashlar build examples/nginx\n  ashlar build . --output oci:out --check\n" +
        "\nThe last line of stdout is the image: NAME@sha256:...",
    )
    .action(async (spec, options) =>
      finish(await (await import("./verbs/build.ts")).build(shell, spec, options), options),
    );
}
