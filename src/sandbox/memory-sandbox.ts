// SPDX-License-Identifier: Apache-2.0
import { AshlarError, type Digest } from "../base/index.ts";
import type { Tree } from "../formats/index.ts";
import type { PackWriter } from "../store/index.ts";
import type { Sandbox, SandboxCommand, SandboxRun } from "./sandbox.ts";

/** What a program of the twin sees. */
export interface MemoryRun {
  readonly root: Tree;
  readonly command: SandboxCommand;
  /** Takes contents that it makes. */
  readonly pack: PackWriter;
  readonly near?: Digest;
  readonly onOutput: (bytes: Uint8Array) => void;
}

/** What it did; `tree` absent: nothing changed, exit code absent: 0. */
export interface MemoryOutcome {
  readonly tree?: Tree;
  readonly exitCode?: number;
}

/** The sandbox's twin for tests: runs a function in place of programs. */
export function memorySandbox(program: (run: MemoryRun) => MemoryOutcome | Promise<MemoryOutcome>): Sandbox {
  return {
    backend: "memory",
    identity: "root",
    async run(request) {
      if (request.signal?.aborted === true) throw interrupted(request);
      const output: Uint8Array[] = [];
      const onOutput = (bytes: Uint8Array): void => {
        output.push(bytes);
        request.onOutput?.(bytes);
      };
      const { root, command, pack, near } = request;
      const run = { root, command, pack, onOutput, ...(near === undefined ? {} : { near }) };
      const { tree = root, exitCode = 0 } = await program(run);
      const log = Buffer.concat(output).subarray(-65536);
      return { exitCode, tree: exitCode === 0 ? tree : root, log };
    },
    attach: () => Promise.resolve(0),
  };
}

function interrupted(request: SandboxRun): AshlarError {
  return new AshlarError(
    "SANDBOX_INTERRUPTED",
    `Cannot run "${request.command.argv.join(" ")}": interrupted`,
  );
}
