// SPDX-License-Identifier: Apache-2.0
import { AshlarError } from "../../base/index.ts";
import { parseReference, type Reference } from "../../oci/index.ts";
import { registryAddress } from "./registry-address.ts";

/** A repository at some registry. */
export interface Mirror {
  readonly registry: URL;
  readonly repository: string;
  /** The registry's name as users write it. */
  readonly named: string;
}

interface MirrorSettings {
  readonly mirrors?: Readonly<Record<string, readonly string[]>> | undefined;
  readonly insecure?: readonly string[] | undefined;
}

/**
 * Where else a repository can be read, in the user's order: below the prefix of each mirror it has its own name.
 * Throws `USAGE_MIRROR` for a mirror that is no `[scheme://]host[:port][/prefix]`.
 */
export function mirrorsOf({ registry, repository }: Reference, settings: MirrorSettings): readonly Mirror[] {
  const { mirrors = {} } = settings;
  const listed = Object.hasOwn(mirrors, registry) ? (mirrors[registry] ?? []) : [];
  return listed.map((text) => parseMirror(text, repository, settings));
}

function parseMirror(text: string, repository: string, settings: MirrorSettings): Mirror {
  const match = /^(?:(https?):\/\/)?([^/]+)\/?(.*?)\/*$/.exec(text);
  const [, scheme, host = "", prefix = ""] = match ?? [];
  try {
    const at = parseReference(`${host}/${prefix === "" ? repository : `${prefix}/${repository}`}`);
    if (at.registry !== host || at.tag !== undefined || at.digest !== undefined) throw new Error("no host");
    const address = registryAddress(host, settings);
    const url = scheme === undefined ? address : new URL(`${scheme}://${address.host}`);
    return { registry: url, repository: at.repository, named: host };
  } catch (cause) {
    const message = `Cannot use mirror "${text}": want [https://]host[:port][/prefix]`;
    throw new AshlarError("USAGE_MIRROR", message, { cause });
  }
}
