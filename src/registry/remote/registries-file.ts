// SPDX-License-Identifier: Apache-2.0
import { AshlarError, isAshlarError } from "../../base/index.ts";
import { JsonObject, parseStrictJson } from "../../oci/index.ts";
import type { RegistrySettings } from "./open-remote.ts";

/**
 * Parses the user's registries.json: `mirrors`, `insecure` and `authHosts` of the settings. Unknown fields are
 * errors. Throws `USAGE_REGISTRIES_FILE`, naming `path`.
 */
export function parseRegistriesFile(
  bytes: Uint8Array,
  path: string,
): Pick<RegistrySettings, "mirrors" | "insecure" | "authHosts"> {
  const known = ["mirrors", "insecure", "authHosts"];
  try {
    const value = parseStrictJson(bytes, `"${path}"`);
    const object = new JsonObject(value, `"${path}"`, "", known);
    const strange = Object.keys(value as object).find((key) => !known.includes(key));
    if (strange !== undefined) throw object.fault(strange, `is not known, want one of ${known.join(", ")}`);
    return {
      mirrors: listsOf(object, "mirrors"),
      insecure: object.maybeTexts("insecure") ?? [],
      authHosts: listsOf(object, "authHosts"),
    };
  } catch (cause) {
    if (!isAshlarError(cause)) throw cause;
    throw new AshlarError("USAGE_REGISTRIES_FILE", cause.message, { cause });
  }
}

function listsOf(object: JsonObject, key: string): Readonly<Record<string, readonly string[]>> {
  const lists = object.maybeObject(key, []);
  const names = object.maybeKeys(key) ?? [];
  return Object.fromEntries(names.map((name) => [name, lists?.texts(name) ?? []]));
}
