// SPDX-License-Identifier: Apache-2.0
import { openStep } from "../../build/index.ts";
import { fixedEnvironment, openSandbox } from "../../sandbox/index.ts";
import { interruptible } from "../interruption.ts";
import { sandboxBackend } from "../sandbox-backend.ts";
import type { Outcome, Shell } from "../shell.ts";
import { narrow, type TryOptions } from "../try-image.ts";
import { withRequest } from "./build.ts";

interface StepOptions extends TryOptions {
  readonly step: string;
  readonly secret?: readonly string[];
}

/** `ashlar shell SPEC --step NAME [-- CMD...]`: a shell where a step runs, with its tools, sources and inputs. */
export function shellStep(
  shell: Shell,
  spec: string,
  command: readonly string[],
  options: StepOptions,
): Promise<Outcome> {
  const { step: name, image: _image, platform: _platform, ...others } = options;
  const argv = command.length > 0 ? command : ["/bin/bash"];
  return withRequest(
    shell,
    spec,
    { ...others, compression: "zstd:chunked" },
    async ({ request }) => {
      const [key = "", platform = ""] = [request.images?.[0], request.platforms?.[0]];
      const step = await openStep(request, { key, platform, name, argv });
      if (options.quiet !== true) shell.err(`step ${name} for ${platform}; nothing is kept\n`);
      const exitCode = await attachTo(shell, { ...step, platform, store: request.store });
      return { text: "", json: { step: name, platform, command: [...argv], exitCode }, exitCode };
    },
    (document) => narrow(document, spec, options),
  );
}

type Attaching = Awaited<ReturnType<typeof openStep>> & {
  readonly platform: string;
  readonly store: Parameters<typeof openSandbox>[0]["store"];
};

/** The environment is that of the step but for the terminal. */
function attachTo(shell: Shell, { root, near, command, platform, store }: Attaching): Promise<number> {
  const sandbox = openSandbox({ store, ...sandboxBackend(shell) });
  const term = shell.errIsTerminal ? shell.env["TERM"] : undefined;
  const env = { ...fixedEnvironment, ...command.env, ...(term !== undefined && { TERM: term }) };
  return interruptible((signal) =>
    sandbox.attach({ root, near, platform, command: { ...command, env }, mounts: [], signal }),
  );
}
