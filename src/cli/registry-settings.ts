// SPDX-License-Identifier: Apache-2.0
import { join, resolve } from "node:path";

import { AshlarError, type Progress } from "../base/index.ts";
import {
  type AuthFile,
  credentialFinder,
  parseAuthFile,
  parseRegistriesFile,
  type RegistrySettings,
} from "../registry/index.ts";
import { askCredentialHelper } from "./credential-helper.ts";
import { networkOf, readIfThere } from "./network.ts";
import type { Shell } from "./shell.ts";

export interface SettingsOptions {
  /** Speaks plain HTTP with this registry too. */
  readonly insecure?: string | undefined;
  /** Blobs and requests at a time. */
  readonly parallel?: number | undefined;
  readonly progress?: Progress | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What environment and files say of registries: proxies, certificates, logins, mirrors. */
export function registrySettings(shell: Shell, options: SettingsOptions = {}): RegistrySettings {
  const { insecure, parallel = 4, progress, signal } = options;
  const file = readRegistriesFile(shell);
  return {
    ...networkOf(shell),
    ...file,
    insecure: [...(file.insecure ?? []), ...(insecure === undefined ? [] : [insecure])],
    connections: Math.max(8, parallel),
    signal,
    onRetry: ({ host, why, delayMs }) => progress?.note(`retry ${host} in ${delayMs} ms: ${why}`),
    credentials: credentialFinder({
      readFiles: () => readAuthFiles(shell),
      askHelper: (name, server) => askCredentialHelper(shell, name, server),
    }),
  };
}

/** `ASHLAR_REGISTRIES`, which must be there, else registries.json below the user's configuration. */
function readRegistriesFile(shell: Shell): ReturnType<typeof parseRegistriesFile> {
  const named = shell.env["ASHLAR_REGISTRIES"];
  const path = named ? resolve(shell.cwd, named) : join(configDir(shell), "ashlar", "registries.json");
  const bytes = readIfThere(path);
  if (bytes !== undefined) return parseRegistriesFile(bytes, path);
  if (!named) return {};
  const message = `Cannot read "${path}": there is no such file, want the one that ASHLAR_REGISTRIES names`;
  throw new AshlarError("USAGE_REGISTRIES_FILE", message);
}

/** Where the user named a file, that comes first; then podman's places, then docker's. */
function readAuthFiles(shell: Shell): readonly AuthFile[] {
  const { env } = shell;
  const runtime = env["XDG_RUNTIME_DIR"] || `/run/containers/${process.getuid?.() ?? 0}`;
  const paths = [
    env["REGISTRY_AUTH_FILE"],
    env["DOCKER_CONFIG"] ? join(env["DOCKER_CONFIG"], "config.json") : undefined,
    env["XDG_RUNTIME_DIR"] ? join(runtime, "containers", "auth.json") : join(runtime, "auth.json"),
    join(configDir(shell), "containers", "auth.json"),
    env["HOME"] ? join(env["HOME"], ".docker", "config.json") : undefined,
  ];
  const named = [...new Set(paths.filter((path) => path !== undefined && path !== ""))] as string[];
  return named.flatMap((path) => {
    const bytes = readIfThere(path);
    return bytes === undefined ? [] : [parseAuthFile(bytes, path)];
  });
}

function configDir({ env }: Shell): string {
  return env["XDG_CONFIG_HOME"] || join(env["HOME"] || "/", ".config");
}
