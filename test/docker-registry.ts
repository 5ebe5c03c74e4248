// SPDX-License-Identifier: Apache-2.0
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";

/** A registry that nobody here wrote, on a free port of 127.0.0.1. */
export interface RunningRegistry {
  readonly port: number;
  close(): Promise<void>;
}

/** Starts Debian's docker-registry over files below `dir`. */
export async function startDockerRegistry(dir: string): Promise<RunningRegistry> {
  mkdirSync(dir, { recursive: true });
  const port = await freePort();
  const config = join(dir, "registry.yml");
  const files = `storage: { filesystem: { rootdirectory: ${join(dir, "data")} }, delete: { enabled: true } }`;
  writeFileSync(config, `version: 0.1\nlog: { level: error }\n${files}\nhttp: { addr: "127.0.0.1:${port}" }\n`);
  return startRegistry(["docker-registry", "serve", config], port);
}

/** Starts a registry and waits until it answers. */
export async function startRegistry(
  [command = "", ...args]: readonly string[],
  port: number,
): Promise<RunningRegistry> {
  const child = spawn(command, args, { stdio: "ignore" });
  const close = async (): Promise<void> => {
    if (child.exitCode !== null) return;
    const exit = once(child, "exit");
    child.kill();
    await exit;
  };
  for (let attempt = 0; attempt < 100 && child.exitCode === null; attempt++) {
    const answered = await fetch(`http://127.0.0.1:${port}/v2/`).then(
      ({ ok }) => ok,
      () => false,
    );
    if (answered) return { port, close };
    await wait(100);
  }
  await close();
  throw new Error(`${command} did not start`);
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
