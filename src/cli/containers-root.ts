// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";
import { join } from "node:path";

type Environment = Readonly<Record<string, string | undefined>>;

/** The outside world that decides where podman keeps its images. */
export interface ContainersHost {
  readonly env: Environment;
  readonly uid: number;
  /** The text of a file, undefined where it cannot be read. */
  readonly readText: (path: string) => string | undefined;
}

/** The host that this process runs on. */
export function containersHost(env: Environment): ContainersHost {
  return { env, uid: process.getuid?.() ?? 0, readText };
}

/**
 * Where podman and buildah of this user keep images: `graphroot` (for others than root: of their own file, else
 * `rootless_storage_path`) of storage.conf, else the usual place. (containers-storage.conf(5))
 */
export function containersRoot(host: ContainersHost): string {
  const { env, uid } = host;
  const named = env["CONTAINERS_STORAGE_CONF"];
  const system = ["/etc/containers/storage.conf", "/usr/share/containers/storage.conf"];
  const home = env["HOME"] || "/";
  if (uid === 0) return settingOf(host, named ? [named] : system, "graphroot") ?? "/var/lib/containers/storage";
  const own = join(env["XDG_CONFIG_HOME"] || join(home, ".config"), "containers/storage.conf");
  const set = settingOf(host, [named || own], "graphroot") ?? settingOf(host, system, "rootless_storage_path");
  const data = env["XDG_DATA_HOME"] || join(home, ".local/share");
  if (set === undefined) return join(data, "containers/storage");
  return expand(set, { HOME: home, UID: String(uid), USER: env["USER"] });
}

/** A text of the first of some files that can be read; of TOML only what this setting needs. */
function settingOf({ readText: read }: ContainersHost, paths: readonly string[], key: string): string | undefined {
  const text = paths.map(read).find((found) => found !== undefined);
  const match = new RegExp(`^[ \\t]*${key}[ \\t]*=[ \\t]*(?:"([^"\\n]+)"|'([^'\\n]+)')`, "m").exec(text ?? "");
  return match?.[1] ?? match?.[2];
}

function expand(text: string, values: Environment): string {
  return text.replace(/\$\{?(HOME|UID|USER)\}?/g, (whole, name: string) => values[name] ?? whole);
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
