// SPDX-License-Identifier: Apache-2.0
import { isLoopback } from "./hosts.ts";

/** Docker's hub is known by one name and answers under another. */
export const hub = { name: "docker.io", alias: "index.docker.io", host: "registry-1.docker.io" };

/**
 * The address of a registry: https, but plain http on loopback (as docker has it) and where the user lists the
 * registry as insecure.
 */
export function registryAddress(
  registry: string,
  { insecure = [] }: { readonly insecure?: readonly string[] | undefined },
): URL {
  const host = registry === hub.name || registry === hub.alias ? hub.host : registry;
  const { hostname } = new URL(`https://${host}`);
  const isPlain = isLoopback(hostname) || insecure.includes(registry);
  return new URL(`${isPlain ? "http" : "https"}://${host}`);
}
