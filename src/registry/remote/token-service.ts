// SPDX-License-Identifier: Apache-2.0
import { AshlarError, isAshlarError } from "../../base/index.ts";
import { JsonObject, parseStrictJson } from "../../oci/index.ts";
import { answerError } from "./answer-error.ts";
import type { Challenge } from "./challenge.ts";
import { basicHeader, type Credentials } from "./credentials.ts";
import { isAddress, isLoopback, isMetadataHost, isSameOwner } from "./hosts.ts";
import { readBody } from "./read-body.ts";
import type { HttpAnswer, HttpRequest, RegistryHttp } from "./registry-http.ts";

const answerBytesMax = 256 << 10;

/** Where tokens for a registry are had. */
export interface Realm {
  readonly url: URL;
  readonly service: string | undefined;
  /** Whether the user's credentials may go there. */
  readonly isTrusted: boolean;
}

/**
 * Reads a bearer challenge. The realm must be https, or http as its registry is; an address in place of a name
 * must be the registry's own. Credentials go only to the registry's owner, as names tell, and to hosts that the
 * user lists. Throws `REGISTRY_AUTH_REALM`.
 */
export function realmOf(challenge: Challenge, registry: URL, authHosts: readonly string[]): Realm {
  const text = challenge.parameters.get("realm") ?? "";
  if (!URL.canParse(text)) throw refused(registry, text, "no address");
  const url = new URL(text);
  const isOwn = url.hostname === registry.hostname;
  const isHttp = url.protocol === "http:";
  if (url.protocol !== "https:" && !isHttp) throw refused(registry, text, `"${url.protocol}"`);
  if (isHttp && registry.protocol === "https:") throw refused(registry, text, "http, and the registry is https");
  if (isHttp && !isOwn && !isLoopback(url.hostname)) throw refused(registry, text, "http at another host");
  if (url.username !== "" || url.password !== "") throw refused(registry, text, "an address with credentials");
  const isInside = isMetadataHost(url.hostname) || isAddress(url.hostname) || isLoopback(url.hostname);
  if (isInside && !isOwn && !(isLoopback(url.hostname) && isLoopback(registry.hostname))) {
    throw refused(registry, text, "an address or this machine");
  }
  url.hash = "";
  const isTrusted = isSameOwner(url.hostname, registry.hostname) || authHosts.includes(url.host);
  return { url, service: challenge.parameters.get("service"), isTrusted };
}

function refused(registry: URL, realm: string, what: string): AshlarError {
  const shown = realm.slice(0, 200);
  const message = `Cannot log in to registry "${registry.host}": its token service "${shown}" is ${what}`;
  return new AshlarError("REGISTRY_AUTH_REALM", `${message}, want https at the same owner`);
}

export interface TokenWish {
  readonly realm: Realm;
  readonly scopes: readonly string[];
  readonly credentials: Credentials | undefined;
}

/**
 * Gets a token for some scopes: anonymously, by user and password, or for an identity token (the specification of
 * distribution, "Token Authentication" and "OAuth2"). Throws `REGISTRY_AUTH`, `REGISTRY_BUSY`, `REGISTRY_FAILED`,
 * `REGISTRY_ANSWER`.
 */
export async function fetchToken(http: RegistryHttp, wish: TokenWish): Promise<string> {
  const { realm } = wish;
  const answer = await http.send({ ...tokenRequest(wish), sameOrigin: true });
  const { status } = answer;
  if (status < 200 || status > 299) throw await tokenError(answer, realm.url.host);
  return parseToken(await readBody(answer, answerBytesMax), realm.url.host);
}

/** Whatever refuses to give a token for who we are means that we are nobody there. */
async function tokenError(answer: HttpAnswer, host: string): Promise<AshlarError> {
  const error = await answerError(answer, `get a token from "${host}"`);
  if (answer.status < 400 || answer.status > 403) return error;
  const { message, details, because } = error;
  return new AshlarError("REGISTRY_AUTH", message, { details, because });
}

function tokenRequest({ realm, scopes, credentials }: TokenWish): HttpRequest {
  const url = new URL(realm.url);
  const known = realm.isTrusted ? credentials : undefined;
  if (known?.kind === "identity") {
    const form = new URLSearchParams({ grant_type: "refresh_token", client_id: "ashlar", refresh_token: known.token });
    form.set("service", realm.service ?? "");
    form.set("scope", scopes.join(" "));
    const headers = { "content-type": "application/x-www-form-urlencoded" };
    return { method: "POST", url, headers, body: Buffer.from(form.toString(), "utf8") };
  }
  if (realm.service !== undefined) url.searchParams.set("service", realm.service);
  for (const scope of scopes) url.searchParams.append("scope", scope);
  if (known?.kind !== "basic") return { method: "GET", url };
  return { method: "GET", url, headers: { authorization: basicHeader(known) } };
}

/** Reads the answer of a token service. Throws `REGISTRY_ANSWER`. */
export function parseToken(bytes: Uint8Array, host: string): string {
  try {
    const what = `the token of "${host}"`;
    const object = new JsonObject(parseStrictJson(bytes, what), what, "", ["token", "access_token"]);
    const token = object.maybeText("token") || object.text("access_token");
    if (/^[\x21-\x7e]+$/.test(token)) return token;
    throw object.fault("token", "want visible ASCII characters");
  } catch (cause) {
    if (!isAshlarError(cause)) throw cause;
    throw new AshlarError("REGISTRY_ANSWER", cause.message, { cause });
  }
}
