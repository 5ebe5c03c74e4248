// SPDX-License-Identifier: Apache-2.0
import { readAccounts } from "../assemble/index.ts";
import { openSandbox, type SandboxMount } from "../sandbox/index.ts";
import { interruptible } from "./interruption.ts";
import { planSession, type SessionWishes } from "./plan-session.ts";
import { sandboxBackend } from "./sandbox-backend.ts";
import type { Outcome, Shell } from "./shell.ts";
import type { TriedImage, TryOptions } from "./try-image.ts";

/** Options of `run` and `shell`. */
export type AttachOptions = TryOptions & SessionWishes;

interface Attaching {
  readonly options: AttachOptions;
  readonly argv: readonly string[];
  /** Of the program that is started. */
  readonly platform: string;
  /** What is mounted beside the user's own wishes; its directories of programs come last in PATH. */
  readonly tools?: SandboxMount;
}

/** Runs a command in an image on our own standard streams; its exit code becomes ours. */
export async function attach(shell: Shell, image: TriedImage, attaching: Attaching): Promise<Outcome> {
  const { store, looked, flat } = image;
  const { options, argv, platform, tools } = attaching;
  const root = store.readTree(flat);
  const { command, mounts, user } = planSession({
    config: looked.config.config,
    accounts: () => readAccounts(root, store),
    wishes: options,
    argv,
    cwd: shell.cwd,
    term: shell.errIsTerminal ? shell.env["TERM"] : undefined,
  });
  const path = [command.env?.["PATH"], tools?.target].filter(Boolean).join(":");
  const sandbox = openSandbox({ store, ...sandboxBackend(shell) });
  const exitCode = await interruptible((signal) =>
    sandbox.attach({
      root,
      near: flat,
      platform,
      command: { ...command, env: { ...command.env, PATH: path } },
      mounts: [...(tools === undefined ? [] : [tools]), ...mounts],
      ...(user === undefined ? {} : { user }),
      signal,
    }),
  );
  const { name, digest } = looked;
  return {
    text: "",
    json: { image: name, digest, platform: looked.platform, command: [...argv], exitCode },
    exitCode,
  };
}
