// SPDX-License-Identifier: Apache-2.0
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";

import { must, run } from "./programs.ts";

/** What the tests' containers need: programs of Debian. */
export const podmanPrograms = ["podman", "runc", "conmon", "nsenter"];

// runc and low limits, because crun 1.8 refuses hybrid cgroups and a container host may have no CAP_SYS_RESOURCE.
const limits = ["--ulimit=nofile=1024:1024", "--ulimit=nproc=1024:1024"];
const apart = ["--network=none", "--cgroupns=host", "--log-driver=k8s-file"];

/** A podman whose images, containers and state lie below `dir`, apart from the host's. */
export function openPodman(dir: string): Podman {
  const own = [`--root=${join(dir, "root")}`, `--runroot=${join(dir, "run")}`, "--storage-driver=overlay"];
  const quiet = ["--cgroup-manager=cgroupfs", "--runtime=runc", "--events-backend=file"];
  const podman = (args: readonly string[]): string => must("podman", [...own, ...quiet, ...args]);
  return {
    prefix: ["podman", ...own, ...quiet],
    apart: [...limits, ...apart],
    podman,
    load(archive) {
      podman(["load", "--quiet", `--input=${archive}`]);
    },
    run(image, args) {
      return podman(["run", "--rm", ...limits, ...apart, ...args.options, image, ...args.command]);
    },
    async get(image, url) {
      const id = podman(["run", "--detach", ...limits, ...apart, image]).trim();
      try {
        const pid = podman(["inspect", "--format={{.State.Pid}}", id]).trim();
        return await getInside(pid, url, () => podman(["logs", id]));
      } finally {
        podman(["rm", "--force", "--time=0", id]);
      }
    },
  };
}

/** Removes what lies below a podman's directory; the clean-up of a container that has ended may still hold a mount. */
export function removePodman(dir: string): void {
  const mounts = readFileSync("/proc/self/mounts", "utf8").split("\n").map((line) => line.split(" ")[1] ?? "");
  for (const mount of mounts.filter((path) => path.startsWith(`${dir}/`)).reverse()) run("umount", [mount]);
  rmSync(dir, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
}

export interface Podman {
  /** The command in front of podman's verbs, and the options of a container that reaches nobody. */
  readonly prefix: readonly string[];
  readonly apart: readonly string[];
  /** Runs one podman command that must end well; returns its output. */
  podman(args: readonly string[]): string;
  load(archive: string): void;
  run(image: string, args: { readonly options: readonly string[]; readonly command: readonly string[] }): string;
  /** Starts the image as it is configured, asks it over HTTP and removes the container. */
  get(image: string, url: string): Promise<string>;
}

const script = `
  import { get } from "node:http";
  import { text } from "node:stream/consumers";
  get(process.argv[1], async (response) => {
    process.stdout.write(response.statusCode + " " + (await text(response)));
  }).on("error", () => { process.exitCode = 9; });`;

/** Asks from inside the container's network, where every port of 127.0.0.1 is free. */
async function getInside(pid: string, url: string, logs: () => string): Promise<string> {
  const node = [process.execPath, "--input-type=module", "--eval", script, url];
  for (let attempt = 0; attempt < 50; attempt++) {
    const { status, out } = run("nsenter", [`--net=/proc/${pid}/ns/net`, ...node]);
    if (status === 0) return out;
    await wait(200);
  }
  throw new Error(`no answer from ${url}\n${logs()}`);
}
