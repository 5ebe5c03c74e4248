// SPDX-License-Identifier: Apache-2.0
import { AshlarError, isAshlarError } from "../../base/index.ts";
import { JsonObject, parseStrictJson } from "../../oci/index.ts";
import type { Credentials } from "./credentials.ts";

/** What docker's config.json and podman's auth.json say of logins. */
export interface AuthFile {
  /** By registry, or registry and the beginning of a repository's name. */
  readonly logins: ReadonlyMap<string, Credentials>;
  /** By registry: the program to ask, `docker-credential-NAME`. */
  readonly helpers: ReadonlyMap<string, string>;
  /** The program to ask for all others. */
  readonly store: string | undefined;
}

/** Where credentials may come from. */
export type CredentialSource =
  | { readonly kind: "given"; readonly credentials: Credentials }
  | { readonly kind: "helper"; readonly helper: string; readonly server: string };

const hubServer = "https://index.docker.io/v1/";
const helperPattern = /^[A-Za-z0-9][\w.-]{0,63}$/;

/**
 * Parses an auth file (docker's config.json; containers-auth.json(5)). What has nothing to do with logins is
 * passed over. Throws `REGISTRY_AUTH_FILE`, naming `path`; never with a secret in it.
 */
export function parseAuthFile(bytes: Uint8Array, path: string): AuthFile {
  try {
    const fields = ["auths", "credHelpers", "credsStore"];
    const object = new JsonObject(parseStrictJson(bytes, `"${path}"`), `"${path}"`, "", fields);
    const helpers = Object.entries(object.maybeTextMap("credHelpers") ?? {});
    const store = object.maybeText("credsStore") || undefined;
    for (const name of [...helpers.map(([, helper]) => helper), store]) {
      if (name !== undefined && !helperPattern.test(name)) throw object.fault("credHelpers", "want names of programs");
    }
    return { logins: readLogins(object), helpers: new Map(helpers.map(([key, name]) => [nameOf(key), name])), store };
  } catch (cause) {
    if (!isAshlarError(cause)) throw cause;
    throw new AshlarError("REGISTRY_AUTH_FILE", cause.message, { cause, hint: `correct ${path}, or log in again` });
  }
}

function readLogins(object: JsonObject): Map<string, Credentials> {
  const logins = new Map<string, Credentials>();
  const auths = object.maybeObject("auths", []);
  const fields = ["auth", "username", "password", "identitytoken", "registrytoken"];
  for (const key of object.maybeKeys("auths") ?? []) {
    const entry = auths?.maybeObject(key, fields);
    const login = entry === undefined ? undefined : readLogin(entry);
    if (login !== undefined && !logins.has(nameOf(key))) logins.set(nameOf(key), login);
  }
  return logins;
}

/** Undefined for an empty entry: its credentials are with a helper. */
function readLogin(entry: JsonObject): Credentials | undefined {
  const registryToken = entry.maybeText("registrytoken");
  if (registryToken) return { kind: "token", token: registryToken };
  const identityToken = entry.maybeText("identitytoken");
  if (identityToken) return { kind: "identity", token: identityToken };
  const pair = Buffer.from(entry.maybeText("auth") ?? "", "base64").toString("utf8");
  const colon = pair.indexOf(":");
  const [given, secret] = colon > 0 ? [pair.slice(0, colon), pair.slice(colon + 1).replace(/\0+$/, "")] : [];
  const [user, password] = [given ?? entry.maybeText("username"), secret ?? entry.maybeText("password")];
  return user && password ? { kind: "basic", user, password } : undefined;
}

/** A key as references write it: without scheme and version, docker's hub by its one name. */
function nameOf(key: string): string {
  const plain = key.replace(/^https?:\/\//, "").replace(/\/(?:v[12]\/?)?$/, "").replace(/\/$/, "");
  return plain.replace(/^(?:index|registry-1)\.docker\.io(?=\/|$)/, "docker.io");
}

/**
 * Where to look for who the user is at a repository, best first: in each file a helper for the registry, then the
 * entry with the longest beginning of the repository's name, then the helper for all.
 */
export function planCredentials(
  files: readonly AuthFile[],
  { registry, repository }: { readonly registry: string; readonly repository: string },
): readonly CredentialSource[] {
  const name = nameOf(registry);
  const server = name === "docker.io" ? hubServer : registry;
  const parts = repository.split("/");
  const keys = parts.map((_, i) => [name, ...parts.slice(0, parts.length - i)].join("/"));
  return files.flatMap(({ logins, helpers, store }): CredentialSource[] => {
    const own = helpers.get(name);
    const login = [...keys, name].map((key) => logins.get(key)).find((found) => found !== undefined);
    return [
      ...(own === undefined ? [] : [{ kind: "helper", helper: own, server } as const]),
      ...(login === undefined ? [] : [{ kind: "given", credentials: login } as const]),
      ...(store === undefined || store === own ? [] : [{ kind: "helper", helper: store, server } as const]),
    ];
  });
}

/** Reads what a credential helper prints for `get`. Throws `REGISTRY_AUTH_HELPER`. */
export function parseHelperAnswer(bytes: Uint8Array, helper: string): Credentials | undefined {
  const what = `answer of docker-credential-${helper}`;
  try {
    const object = new JsonObject(parseStrictJson(bytes, what), what, "", ["Username", "Secret"]);
    const [user = "", password = ""] = [object.maybeText("Username"), object.maybeText("Secret")];
    if (user === "<token>") return { kind: "identity", token: password };
    return user === "" || password === "" ? undefined : { kind: "basic", user, password };
  } catch (cause) {
    if (!isAshlarError(cause)) throw cause;
    throw new AshlarError("REGISTRY_AUTH_HELPER", cause.message, { cause });
  }
}
