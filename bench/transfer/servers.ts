// SPDX-License-Identifier: Apache-2.0
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as wait } from "node:timers/promises";

import { freePort } from "../../test/docker-registry.ts";
import { ended, firstLine, type Network } from "./network.ts";

/** What went through a proxy. */
export interface Traffic {
  /** Bytes that came down, heads included. */
  readonly bytes: number;
  readonly requests: number;
}

/** A server behind a proxy that counts. */
export interface Counted {
  /** HOST:PORT that clients ask. */
  readonly host: string;
  /** What went through since the last call. */
  taken(): Promise<Traffic>;
  close(): Promise<void>;
}

/** Debian's docker-registry over `dir`, which outlives it. */
export async function openRegistry(dir: string, network: Network): Promise<Counted> {
  mkdirSync(dir, { recursive: true });
  const port = await freePort();
  const config = join(dir, "registry.yml");
  const files = `storage: { filesystem: { rootdirectory: ${join(dir, "data")} } }`;
  writeFileSync(config, `version: 0.1\nlog: { level: error }\n${files}\nhttp: { addr: "127.0.0.1:${port}" }\n`);
  return openCounted(["docker-registry", "serve", config], { network, port, path: "/v2/" });
}

/** nginx over the files of `dir`, for what is published as plain files. */
export async function openFiles(dir: string, network: Network): Promise<Counted> {
  const port = await freePort();
  const config = join(dir, "nginx.conf");
  const site = `server { listen 127.0.0.1:${port}; root ${dir}; }`;
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) => `${name}_temp_path ${dir}/t;`);
  const http = `http { access_log off; sendfile on; tcp_nopush on; ${temporary.join(" ")} ${site} }`;
  writeFileSync(config, `daemon off; user root; pid ${dir}/pid; error_log /dev/null; events {} ${http}\n`);
  return openCounted(["nginx", "-c", config], { network, port, path: "/nginx.conf" });
}

async function openCounted(
  command: readonly string[],
  { network, port, path }: { readonly network: Network; readonly port: number; readonly path: string },
): Promise<Counted> {
  const [shell = "", ...args] = [...network.server, "sh", "-c", asLongAsInput, "sh", ...command];
  // What it says of each request would fill a pipe that nobody reads, and stop it.
  const server = spawn(shell, args, { stdio: ["pipe", "ignore", "inherit"] });
  const script = join(import.meta.dirname, "proxy.ts");
  const program = [process.execPath, "--disable-warning=ExperimentalWarning", script, network.address, String(port)];
  const proxy = start([...network.server, ...program]);
  const host = `${network.address}:${await firstLine(proxy, "the proxy")}`;
  await answers([...network.client, "curl", "-fs", "-o", "/dev/null", `http://${host}${path}`]);
  const lines = createInterface(proxy.stdout as NonNullable<ChildProcess["stdout"]>);
  const taken = async (): Promise<Traffic> => {
    const line = once(lines, "line");
    proxy.stdin?.write("\n");
    return JSON.parse(String((await line)[0])) as Traffic;
  };
  await taken();
  return {
    host,
    taken,
    async close() {
      await ended(proxy);
      await ended(server);
    },
  };
}

/** So that a server ends when what started it ends in whichever way. */
const asLongAsInput = '"$@" <&- & cat; kill $!; wait $! 2>&-; exit 0';

function start([command = "", ...args]: readonly string[]): ChildProcess {
  return spawn(command, args, { stdio: ["pipe", "pipe", "inherit"] });
}

async function answers([command = "", ...args]: readonly string[]): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt++) {
    if (spawnSync(command, args).status === 0) return;
    await wait(100);
  }
  throw new Error(`no answer: ${args.join(" ")}`);
}
