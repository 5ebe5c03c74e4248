// SPDX-License-Identifier: Apache-2.0
import { AshlarError, type Digest } from "../base/index.ts";
import { parseReference, type Reference } from "../oci/index.ts";
import { openRemote, registryAddress, type RemotePlace } from "../registry/index.ts";
import { registrySettings, type SettingsOptions } from "./registry-settings.ts";
import type { Shell } from "./shell.ts";

const scheme = "docker://";

export interface RemoteOptions extends SettingsOptions {
  readonly mountFrom?: ((blob: Digest) => readonly string[]) | undefined;
}

/** Tells whether a text can only mean a registry. */
export function isMarkedReference(text: string): boolean {
  return text.startsWith(scheme);
}

/**
 * Reads a text of the command line that may name an image in a registry: its first component is a host (it has a
 * dot or a colon, or is `localhost`), or it begins with `docker://`. Undefined for all else. Throws `OCI_REFERENCE`.
 */
export function remoteReference(text: string): Reference | undefined {
  if (isMarkedReference(text)) return parseReference(text.slice(scheme.length));
  const slash = text.indexOf("/");
  const host = text.slice(0, Math.max(slash, 0));
  return host === "localhost" || /[.:]/.test(host.slice(1)) ? parseReference(text) : undefined;
}

/** The same where nothing else is possible. Throws `USAGE_REFERENCE` where the text names no registry. */
export function requireReference(text: string): Reference {
  const reference = remoteReference(text);
  if (reference !== undefined) return reference;
  const message = `Cannot use "${text}" as a reference: it names no registry, want HOST/NAME[:TAG]`;
  throw new AshlarError("USAGE_REFERENCE", message, {
    hint: `e.g. registry.example/${text}, or docker://${text} for docker's hub`,
  });
}

/** Reads the name of a repository, which `what` gave. Throws `USAGE_REFERENCE`, `OCI_REFERENCE`. */
export function requireRepository(text: string, what: string): Reference {
  const reference = remoteReference(text);
  if (reference?.tag === undefined && reference?.digest === undefined && reference !== undefined) return reference;
  const state = reference === undefined ? "it names no registry" : "it has a tag or digest";
  throw new AshlarError("USAGE_REFERENCE", `Cannot use "${text}" as a repository: ${state}, want HOST/NAME`, {
    because: [`${what} names it`],
  });
}

/** Opens the repository of a reference, with the user's settings. The caller closes it. */
export function openRemotePlace(shell: Shell, reference: Reference, options: RemoteOptions = {}): RemotePlace {
  const { mountFrom, ...others } = options;
  return openRemote(reference, registrySettings(shell, others), { mountFrom });
}

/**
 * The registry of those on the command line that `--insecure` means: never a second one, whose credentials would go
 * in the clear. Throws `USAGE_INSECURE` where it could be either of two.
 */
export function insecureRegistry(
  named: readonly (Reference | undefined)[],
  { insecure }: { readonly insecure?: boolean | undefined },
): string | undefined {
  if (insecure !== true) return undefined;
  const registries = new Set(named.flatMap((reference) => reference?.registry ?? []));
  const [one, other] = [...registries].filter((registry) => registryAddress(registry, {}).protocol === "https:");
  if (other === undefined) return one;
  throw new AshlarError("USAGE_INSECURE", `Cannot use --insecure with two registries: want one of them to be meant`, {
    because: [`it could be "${one}" or "${other}"`],
    hint: `list the one that speaks plain HTTP in registries.json: "insecure": ["${other}"]`,
  });
}
