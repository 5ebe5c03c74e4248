// SPDX-License-Identifier: Apache-2.0
import { runCommandLine } from "../src/cli/command-line.ts";

export interface CommandPlace {
  readonly store: string;
  /** Home, runtime and working directory. */
  readonly home: string;
  readonly env?: Readonly<Record<string, string>>;
}

export interface CommandEnded {
  readonly status: number;
  readonly out: string;
  readonly err: string;
  /** The last line of stdout. */
  readonly last: string;
}

/** Runs a command line in this process, whose registries must be able to answer. */
export async function runCommand({ store, home, env }: CommandPlace, args: readonly string[]): Promise<CommandEnded> {
  const [printed, said]: [string[], string[]] = [[], []];
  const status = await runCommandLine([...args, `--store=${store}`], {
    env: { PATH: process.env["PATH"], HOME: home, XDG_RUNTIME_DIR: home, ...env },
    cwd: home,
    nowSeconds: 1_748_736_000,
    out: (text) => void printed.push(Buffer.from(text).toString("utf8")),
    err: (text) => void said.push(text),
    errIsTerminal: false,
    columns: 80,
  });
  const text = printed.join("");
  return { status, out: text, err: said.join(""), last: text.trim().split("\n").at(-1) ?? "" };
}
