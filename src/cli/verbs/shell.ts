// SPDX-License-Identifier: Apache-2.0
import { isAshlarError } from "../../base/index.ts";
import { emulatorFor } from "../../sandbox/index.ts";
import { attach, type AttachOptions } from "../attach.ts";
import { hostPlatform } from "../host-platform.ts";
import type { Outcome, Shell } from "../shell.ts";
import { withTools } from "../shell-tools.ts";
import { type TriedImage, withTriedImage } from "../try-image.ts";

/** `ashlar shell SPEC|IMAGE [-- CMD...]`: a shell in the image's root, which needs none of its own. */
export async function shell(
  world: Shell,
  image: string,
  command: readonly string[],
  options: AttachOptions & { readonly tools?: string; readonly step?: string; readonly secret?: readonly string[] },
): Promise<Outcome> {
  const { step } = options;
  if (step !== undefined)
    return (await import("./shell-step.ts")).shellStep(world, image, command, { ...options, step });
  return withTriedImage(world, image, options, async (tried) =>
    withTools({ shell: world, store: tried.store, options }, async (tools) => {
      const foreign = foreignFault(tried);
      if (options.quiet !== true)
        for (const line of greeting(tried, tools.target, foreign)) world.err(`${line}\n`);
      return attach(world, tried, {
        options: { ...options, user: options.user ?? "0" },
        argv: command.length > 0 ? command : [`${tools.target}/sh`],
        platform: foreign === undefined ? tried.looked.platform : hostPlatform(),
        tools,
      });
    }),
  );
}

/** Why the image's own programs do not run here; the tools are the host's and do. */
function foreignFault({ looked, store }: TriedImage): string | undefined {
  try {
    emulatorFor(looked.platform, store.tmpDir);
    return undefined;
  } catch (error) {
    if (isAshlarError(error, "SANDBOX_EMULATOR")) return error.message;
    throw error;
  }
}

function greeting({ looked }: TriedImage, tools: string, foreign: string | undefined): string[] {
  const { name, platform, digest } = looked;
  const first = `${name} for ${platform} (${digest}), with tools at ${tools} beside its files; nothing is kept`;
  return foreign === undefined ? [first] : [first, `only the tools run: ${foreign}`];
}
