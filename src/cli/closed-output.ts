// SPDX-License-Identifier: Apache-2.0
import type { Writable } from "node:stream";

import { isSystemError } from "../base/index.ts";
import { exitCodes } from "./exit-code.ts";
import { hostFault } from "./host-fault.ts";
import { renderError } from "./render-error.ts";

export interface Outputs {
  readonly stdout: Writable;
  readonly stderr: Writable;
  readonly exit: (code: number) => void;
}

/**
 * Ends the process where nobody reads its result any more (`| head`), as the kernel ends programs that do not ask, and
 * where the result cannot be written. Who stops reading progress and warnings stops no work.
 */
export function watchOutputs({ stdout, stderr, exit }: Outputs): void {
  stdout.on("error", (error: Error) => {
    if (isSystemError(error, "EPIPE")) return exit(exitCodes.outputClosed);
    const fault = hostFault(Object.assign(error, { path: "/dev/stdout" }));
    stderr.write(renderError(fault, { colour: false, debug: false }));
    exit(exitCodes.failed);
  });
  stderr.on("error", () => {});
}
