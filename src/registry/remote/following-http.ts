// SPDX-License-Identifier: Apache-2.0
import { AshlarError } from "../../base/index.ts";
import { isLoopback, isMetadataHost, isUnspecified } from "./hosts.ts";
import type { HttpAnswer, HttpRequest, RegistryHttp } from "./registry-http.ts";

const redirectCountMax = 5;

/**
 * Follows redirects: at most 5, never from https to http, without `authorization` from the first hop to another
 * origin on. A request with a body is sent on only by 307 and 308, and only when its bytes are at hand.
 * Throws `REGISTRY_REDIRECT`.
 */
export function followingHttp(inner: RegistryHttp): RegistryHttp {
  return { send: (request) => follow(inner, request) };
}

async function follow(inner: RegistryHttp, request: HttpRequest): Promise<HttpAnswer> {
  let current = request;
  for (let hops = 0; ; hops++) {
    const answer = await inner.send(current);
    const location = answer.headers["location"];
    if (!isRedirect(answer.status, current) || location === undefined) return answer;
    await answer.discard();
    if (hops >= redirectCountMax) throw refused(request.url, `more than ${redirectCountMax} redirects`);
    current = redirected(current, nextAddress(current.url, location));
  }
}

function isRedirect(status: number, { method, body }: HttpRequest): boolean {
  if (method === "GET" || method === "HEAD") return [301, 302, 303, 307, 308].includes(status);
  const canRepeat = body === undefined || body instanceof Uint8Array;
  return canRepeat && (status === 307 || status === 308);
}

function redirected(request: HttpRequest, url: URL): HttpRequest {
  if (url.origin === request.url.origin) return { ...request, url };
  if (request.sameOrigin === true) throw refused(request.url, `its Location is another origin: "${url.host}"`);
  const { authorization: _secret, ...headers } = request.headers ?? {};
  return { ...request, url, headers };
}

/**
 * The address that a `Location` header names: http or https, not from https to http, without user and password,
 * and not this machine or a metadata service where the one that says so is elsewhere. Throws `REGISTRY_REDIRECT`.
 */
export function nextAddress(from: URL, location: string): URL {
  if (!URL.canParse(location, from.href)) throw refused(from, "its Location is no address");
  const to = new URL(location, from);
  if (to.protocol !== "http:" && to.protocol !== "https:") throw refused(from, `its Location is "${to.protocol}"`);
  if (from.protocol === "https:" && to.protocol === "http:") {
    throw refused(from, `its Location "${to.host}" is http, and it is https itself`);
  }
  if (to.username !== "" || to.password !== "") throw refused(from, "its Location holds credentials");
  const isHere = isLoopback(to.hostname) || isUnspecified(to.hostname);
  const isInside = isMetadataHost(to.hostname) || (isHere && !isLoopback(from.hostname));
  if (isInside && to.hostname !== from.hostname) throw refused(from, `its Location is inside: "${to.host}"`);
  to.hash = "";
  return to;
}

function refused(from: URL, why: string): AshlarError {
  const hint = why.includes("is http")
    ? "a registry behind a proxy must be told that it is reached by https (X-Forwarded-Proto)"
    : undefined;
  return new AshlarError("REGISTRY_REDIRECT", `Cannot follow registry "${from.host}": ${why}, want a safe redirect`, {
    hint,
  });
}
