// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { AshlarError, isSystemError } from "../base/index.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** The outside world that decides where podman keeps its images. */
export interface ContainersHost {
  readonly env: Environment;
  readonly uid: number;
  /** The text of a file, undefined where there is none. Throws `REGISTRY_STORAGE` where it cannot be read. */
  readonly readText: (path: string) => string | undefined;
}

/** The host that this process runs on. */
export function containersHost(env: Environment): ContainersHost {
  return { env, uid: process.getuid?.() ?? 0, readText };
}

/**
 * Where podman and buildah of this user keep images: `graphroot` (for others than root: of their own file, else
 * `rootless_storage_path`) of storage.conf, else the usual place. (containers-storage.conf(5)) Throws
 * `REGISTRY_STORAGE` where a file that decides it cannot be read: what is found elsewhere would be other images.
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

/** A text of the first of some files that are there; of TOML only what this setting needs. */
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
  } catch (cause) {
    if (isSystemError(cause, "ENOENT", "ENOTDIR")) return undefined;
    if (!(cause instanceof Error && "code" in cause)) throw cause;
    const message = `Cannot find podman's images: "${path}" cannot be read (${String(cause.code)})`;
    throw new AshlarError("REGISTRY_STORAGE", message, {
      cause,
      hint: "make it readable, or name the storage: containers-storage:[DIR]NAME",
    });
  }
}
