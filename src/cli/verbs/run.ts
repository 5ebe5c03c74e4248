// SPDX-License-Identifier: Apache-2.0
import { AshlarError } from "../../base/index.ts";
import type { RunConfig } from "../../oci/index.ts";
import { attach, type AttachOptions } from "../attach.ts";
import type { Outcome, Shell } from "../shell.ts";
import { withTriedImage } from "../try-image.ts";

/** `ashlar run SPEC|IMAGE [-- CMD...]`: the image as a container engine would start it; nothing is kept. */
export async function run(
  shell: Shell,
  image: string,
  command: readonly string[],
  options: AttachOptions,
): Promise<Outcome> {
  return withTriedImage(shell, image, options, async (tried) => {
    const argv = command.length > 0 ? command : configured(tried.looked.config.config, image);
    return attach(shell, tried, { options, argv, platform: tried.looked.platform });
  });
}

function configured({ entrypoint = [], cmd = [] }: RunConfig, image: string): readonly string[] {
  const argv = [...entrypoint, ...cmd];
  if (argv.length > 0) return argv;
  throw new AshlarError("USAGE_COMMAND", `Cannot run "${image}": its config has neither entrypoint nor cmd`, {
    hint: `say what to run: ashlar run ${image} -- COMMAND; or look inside: ashlar shell ${image}`,
  });
}
