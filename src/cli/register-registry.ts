// SPDX-License-Identifier: Apache-2.0
import type { Command } from "commander";

import { collect } from "./collect.ts";
import type { Finish } from "./finish.ts";
import type { Shell } from "./shell.ts";

/** The verbs that move images between registries and other places. Their work is loaded when they are run. */
export function registerRegistryVerbs(program: Command, shell: Shell, finish: Finish): void {
  withTransferOptions(program.command("push <image> <ref>"))
    .description("send an image to a registry; what is there already is not sent")
    .addHelpText("after", "\nExample: ashlar push example/nginx registry.example/team/nginx:1.2")
    .action(async (image, ref, options) =>
      finish(await (await import("./verbs/push.ts")).push(shell, image, ref, options), options),
    );
  registerPull(program, shell, finish);
  withTransferOptions(program.command("copy <src> <dst>"))
    .description("copy an image between registries, layouts, archives and the store, without a change")
    .addHelpText(
      "after",
      "\nSRC and DST: KIND:PATH[:TAG] or HOST/NAME[:TAG][@DIGEST], SRC also an image of the store" +
        "\n\nExamples:\n  ashlar copy docker://debian:bookworm-slim oci:bases:bookworm" +
        "\n  ashlar copy registry.example/app:1 other.example/app:1 --referrers",
    )
    .action(async (src, dst, options) =>
      finish(await (await import("./verbs/copy.ts")).copy(shell, src, dst, options), options),
    );
  registerMirror(program, shell, finish);
}

function registerMirror(program: Command, shell: Shell, finish: Finish): void {
  program
    .command("mirror [spec] [repository]")
    .usage("[options] [spec] <repository>")
    .description(
      "publish the locked packages in a registry, file by file, and say in the lock what each unpacks to; builds with" +
        " ASHLAR_PACKAGES=REPOSITORY fetch only the files that they miss",
    )
    .option("--check", "publish nothing; unpack all .debs again and exit 4 where the lock is wrong about one")
    .option("--set <name=value>", "a parameter for input() (may repeat)", collect)
    .option("--offline", "take .debs only from the store")
    .option("--workers <count>", "threads for unpacking (default: one for each processor)")
    .option("--insecure", "allow plain HTTP where the registry is not on this machine")
    .option("--parallel <count>", "packages at a time (default: 4)")
    .addHelpText(
      "after",
      "\nExamples:\n  ashlar mirror registry.example/team/packages" +
        "\n  ashlar mirror examples/nginx localhost:5000/packages\n  ashlar mirror --check",
    )
    .action(async (spec, repository, options) =>
      finish(await (await import("./verbs/mirror.ts")).mirror(shell, [spec, repository], options), options),
    );
}

function registerPull(program: Command, shell: Shell, finish: Finish): void {
  program
    .command("pull <ref>")
    .description("bring an image of a registry into the store; files that are here are not fetched")
    .option("--name <name>", "what it is called in the store (default: as in the registry)")
    .option("--platform <platform>", "which platform of several, or all (default: this machine's)")
    .option("--keep-blobs", "keep compressed layers of others too, to push them without where they came from")
    .option("--insecure", "allow plain HTTP where the registry is not on this machine")
    .option("--parallel <count>", "requests at a time (default: 4)")
    .addHelpText("after", "\nExample: ashlar pull registry.example/team/nginx:1.2")
    .action(async (ref, options) =>
      finish(await (await import("./verbs/pull.ts")).pull(shell, ref, options), options),
    );
}

function withTransferOptions(command: Command): Command {
  return command
    .option("--platform <platform>", "only this platform of several")
    .option("--referrers", "with what names the image as its subject: signatures, bills of materials")
    .option("--insecure", "allow plain HTTP where the registry is not on this machine")
    .option("--parallel <count>", "blobs at a time (default: 4)");
}
