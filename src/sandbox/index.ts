// SPDX-License-Identifier: Apache-2.0
/**
 * Runs commands in root file systems that are values: a tree in, a tree out. (docs/sandbox.md)
 *
 * - backend: the program that contains a command: crun, runc or bwrap
 * - upper: what a command changed, as overlayfs keeps it; captured as a tar and applied to the root's tree
 * - identity: who we are outside; inside the command is root in any case
 * - circumstances: what must not change a result, and is varied to prove it
 *
 *     const sandbox = openSandbox({ store });
 *     const { exitCode, tree } = await sandbox.run({ root, platform, command: { argv: ["ldconfig"] }, limits, pack });
 */
export { emulatorFor } from "./emulator.ts";
export { fixedEnvironment } from "./environment.ts";
export { defaultLimits } from "./limits.ts";
export { type MemoryOutcome, type MemoryRun, memorySandbox } from "./memory-sandbox.ts";
export { openSandbox, type SandboxOptions } from "./open-sandbox.ts";
export type {
  Sandbox,
  SandboxBackend,
  SandboxCircumstances,
  SandboxCommand,
  SandboxLimits,
  SandboxMount,
  SandboxResult,
  SandboxRun,
  SandboxSession,
} from "./sandbox.ts";
