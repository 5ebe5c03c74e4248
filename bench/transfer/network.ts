// SPDX-License-Identifier: Apache-2.0
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";

/** Where the servers and the clients of one measurement run. */
export interface Network {
  readonly name: string;
  /** The address that clients ask. */
  readonly address: string;
  /** What goes before a command line to run it on the servers' side, and on the clients'. */
  readonly server: readonly string[];
  readonly client: readonly string[];
  close(): Promise<void>;
}

/** Both on 127.0.0.1. */
export const loopback: Network = {
  name: "127.0.0.1",
  address: "127.0.0.1",
  server: [],
  client: [],
  close: async () => {},
};

/** A round trip of 50 ms, 100 Mbit/s. */
export const link = { delayMs: 25, megabits: 100 } as const;

/** Two network namespaces with a link between them; needs root. Closing it leaves nothing behind. */
export async function openLink(): Promise<Network> {
  const [server, client] = [`ashlar-server-${process.pid}`, `ashlar-client-${process.pid}`];
  const figures = [String(link.delayMs), String(link.megabits)];
  const script = join(import.meta.dirname, "delay-link.py");
  const delay = spawn("python3", [script, server, client, ...figures], { stdio: ["pipe", "pipe", "inherit"] });
  await firstLine(delay, "delay-link.py");
  const enter = (name: string): readonly string[] => ["nsenter", `--net=/run/netns/${name}`];
  return {
    name: `a link of ${2 * link.delayMs} ms and ${link.megabits} Mbit/s`,
    address: "10.77.0.1",
    server: enter(server),
    client: enter(client),
    close: () => ended(delay),
  };
}

/** The first line that a program prints; it is up then. */
export async function firstLine(child: ChildProcess, name: string): Promise<string> {
  const lines = createInterface(child.stdout as NonNullable<ChildProcess["stdout"]>);
  const line = await Promise.race([
    once(lines, "line").then(([text]) => text as string),
    once(child, "exit").then(() => undefined),
  ]);
  lines.close();
  if (line === undefined) throw new Error(`${name} did not start`);
  return line;
}

/** Ends a program that runs as long as its input. */
export async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const exit = once(child, "exit");
  child.stdin?.end();
  await exit;
}
