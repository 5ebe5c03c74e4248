// SPDX-License-Identifier: Apache-2.0
import { type Command, Option } from "commander";

import { collect } from "./collect.ts";
import type { Finish } from "./finish.ts";
import type { Shell } from "./shell.ts";

/** The verbs that move images out of the store and care for it. Their work is loaded when they are run. */
export function registerStoreVerbs(program: Command, shell: Shell, finish: Finish): void {
  registerCheckout(program, shell, finish);
  registerLoad(program, shell, finish);
  registerImport(program, shell, finish);
  registerStore(program, shell, finish);
}

function registerCheckout(program: Command, shell: Shell, finish: Finish): void {
  program
    .command("checkout <image> <dir>")
    .description("make an image's root file system in a directory, by hard links out of the store")
    .option("--platform <platform>", "which platform of several")
    .option("--copy", "own files instead of links, to be written to")
    .option("--update", "turn an earlier checkout into this one, touching only what differs")
    .addOption(
      new Option("--devices <policy>", "what to do with devices (default: keep as root, else skip)").choices([
        "keep",
        "skip",
        "fail",
      ] as const),
    )
    .option("--metadata <file>", "write the image's tree to a file (default: without root, DIR.tree)")
    .option("--no-metadata", "write none")
    .action(async (image, dir, options) =>
      finish(await (await import("./verbs/checkout.ts")).checkout(shell, image, dir, options), options),
    );
}

function registerLoad(program: Command, shell: Shell, finish: Finish): void {
  program
    .command("load <image>")
    .description("hand an image to podman or docker")
    .option("--platform <platform>", "which platform of several")
    .addOption(
      new Option("--into <engine>", "which one (default: the one that is there)").choices([
        "podman",
        "docker",
      ]),
    )
    .action(async (image, options) =>
      finish(await (await import("./verbs/load.ts")).load(shell, image, options), options),
    );
}

function registerImport(program: Command, shell: Shell, finish: Finish): void {
  program
    .command("import <place>")
    .description("bring an image made elsewhere into the store, file by file")
    .option("--name <name>", "what it is called in the store")
    .option("--platform <platform>", "which platform of several, or all (default: this machine's)")
    .option("--drop-blobs", "keep files only: compressed layers of others cannot be pushed from the store then")
    .addHelpText("after", "\nPLACE: KIND:PATH[:TAG], e.g. docker-archive:app.tar, or HOST/NAME[:TAG] of a registry")
    .action(async (place, options) =>
      finish(await (await import("./verbs/import.ts")).importImage(shell, place, options), options),
    );
}

function registerStore(program: Command, shell: Shell, finish: Finish): void {
  const store = program.command("store").description("look after the store");
  store
    .command("stats")
    .description("how much the store holds, and what its images share")
    .option("--svg <file>", "draw who shares what")
    .option("--totals", "only what the store holds, without looking into images")
    .action(async (options) =>
      finish(await (await import("./verbs/store-stats.ts")).stats(shell, options), options),
    );
  store
    .command("adopt [dirs...]")
    .description("let the files of directories, such as /usr, serve as contents of images")
    .option("--list", "show the adopted directories")
    .option("--forget <dir>", "do so no more with this directory")
    .addHelpText("after", "\nExample: ashlar store adopt /usr")
    .action(async (dirs, options) =>
      finish(await (await import("./verbs/store-adopt.ts")).adopt(shell, dirs, options), options),
    );
  store
    .command("share <dir>")
    .description("make a directory that members of a group keep packs, refs and downloads in")
    .requiredOption("--group <group>", "name or number of the group")
    .action(async (dir, options) =>
      finish((await import("./verbs/store-share.ts")).share(shell, dir, options), options),
    );
  store
    .command("join <dir>")
    .description("make your store one that uses a shared directory")
    .action(async (dir, options) =>
      finish((await import("./verbs/store-share.ts")).join(shell, dir, options), options),
    );
  store
    .command("gc")
    .description("remove what no image needs")
    .option("--dry-run", "only show")
    .option("--purge", "empty the quarantine too, which else keeps what was damaged for two weeks")
    .option("--why", "say what goes and what stays, and why")
    .option("--grace <duration>", "keep what is younger, e.g. 90s, 15m, 14d or 0 (default: 1h)")
    .option("--prune", "first forget images that their name no longer points to")
    .action(async (options) => finish(await (await import("./verbs/store-gc.ts")).gc(shell, options), options));
  store
    .command("fsck")
    .description("prove that the store is whole; exit 4 when it is not")
    .option("--full", "read and hash every byte")
    .option("--subset <n/m>", "read and hash the n-th of m parts only")
    .option("--repair", "move what is damaged into quarantine, and say how to get it back")
    .option("--restore", "repair, then build and pull again what is missing, from where it came")
    .option("--from <spec>", "restore, and build this spec for it too (may repeat)", collect)
    .addHelpText("after", "\nExample, each night another of 31 parts: ashlar store fsck --subset $(date +%-d)/31")
    .action(async (options) =>
      finish(await (await import("./verbs/store-fsck.ts")).fsck(shell, options), options),
    );
  store
    .command("verify <image>")
    .description("prove one image: read all its contents and make its layers again; exit 4 when it is not whole")
    .action(async (image, options) =>
      finish(await (await import("./verbs/store-verify.ts")).verify(shell, image, options), options),
    );
  store
    .command("forget <names...>")
    .description("forget images by name, NAME or NAME@DIGEST, whole or not; gc then removes what only they need")
    .action(async (names, options) =>
      finish(await (await import("./verbs/store.ts")).forget(shell, names, options), options),
    );
}
