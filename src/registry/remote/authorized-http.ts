// SPDX-License-Identifier: Apache-2.0
import { AshlarError, isAshlarError } from "../../base/index.ts";
import { loginHint } from "./answer-error.ts";
import { type Challenge, parseChallenges } from "./challenge.ts";
import { basicHeader, type Credentials } from "./credentials.ts";
import type { HttpAnswer, HttpRequest, RegistryHttp } from "./registry-http.ts";
import { fetchToken, type Realm, realmOf } from "./token-service.ts";

/** One registry, and who we are there. */
export interface Access {
  /** Credentials go to this origin, and nowhere else but its token service. */
  readonly registry: URL;
  /** Asked once, when the registry first wants to know. */
  readonly credentials: () => Promise<Credentials | undefined>;
  /** Hosts (and ports) that may get the credentials as token services beside the registry's owner. */
  readonly authHosts: readonly string[];
}

/**
 * Answers a registry's wish for authentication: the header that did it once is sent along with everything to
 * that registry; one that is refused is renewed once for each request, so there is no loop. Where nothing helps
 * the answer is 401 still. Throws `REGISTRY_AUTH`, `REGISTRY_AUTH_REALM`, `REGISTRY_ANSWER`.
 */
export function authorizedHttp(inner: RegistryHttp, access: Access): RegistryHttp {
  return new Authorizer(inner, access);
}

class Authorizer implements RegistryHttp {
  readonly #inner: RegistryHttp;
  readonly #access: Access;
  #credentials: Promise<Credentials | undefined> | undefined;
  /** A header for everything. */
  #fixed: string | undefined;
  #realm: Realm | undefined;
  /** What to say where being nobody is not enough, but who we are was kept back. */
  #withheld: AshlarError | undefined;
  /** By scopes. */
  readonly #tokens = new Map<string, Promise<string>>();

  constructor(inner: RegistryHttp, access: Access) {
    this.#inner = inner;
    this.#access = access;
  }

  async send(request: HttpRequest): Promise<HttpAnswer> {
    if (request.url.origin !== this.#access.registry.origin) return this.#inner.send(request);
    const first = await this.#known(request.scopes ?? []);
    const answer = await this.#sendWith(request, first);
    const canRepeat = request.body === undefined || request.body instanceof Uint8Array;
    if (answer.status !== 401 || answer.url.origin !== request.url.origin || !canRepeat) return answer;
    const second = await this.#renew(request.scopes ?? [], { answer, refused: first });
    if (second === undefined || second === first) return answer;
    await answer.discard();
    const last = await this.#sendWith(request, second);
    if (last.status !== 401 || this.#withheld === undefined) return last;
    await last.discard();
    throw this.#withheld;
  }

  #sendWith(request: HttpRequest, authorization: string | undefined): Promise<HttpAnswer> {
    if (authorization === undefined) return this.#inner.send(request);
    return this.#inner.send({ ...request, headers: { ...request.headers, authorization } });
  }

  /** The header that is known to be wanted, before anything was asked. */
  async #known(scopes: readonly string[]): Promise<string | undefined> {
    if (this.#realm !== undefined) return this.#bearer(scopes, this.#realm);
    return this.#fixed;
  }

  async #renew(
    scopes: readonly string[],
    { answer, refused }: { readonly answer: HttpAnswer; readonly refused: string | undefined },
  ): Promise<string | undefined> {
    const challenges = parseChallenges(answer.headers["www-authenticate"] ?? "");
    const credentials = await (this.#credentials ??= this.#access.credentials());
    if (credentials?.kind === "token") return (this.#fixed = `Bearer ${credentials.token}`);
    const bearer = challenges.find(({ scheme, parameters }) => scheme === "bearer" && parameters.has("realm"));
    if (bearer !== undefined) return this.#renewToken(bearer, scopes, refused);
    if (credentials?.kind !== "basic" || !challenges.some(({ scheme }) => scheme === "basic")) return undefined;
    return (this.#fixed = basicHeader(credentials));
  }

  async #renewToken(challenge: Challenge, scopes: readonly string[], refused: string | undefined): Promise<string> {
    this.#realm = realmOf(challenge, this.#access.registry, this.#access.authHosts);
    // Somebody else may have got a new one meanwhile.
    const current = await this.#tokens.get(keyOf(scopes))?.catch(() => undefined);
    if (current !== undefined && `Bearer ${current}` === refused) this.#tokens.delete(keyOf(scopes));
    return this.#bearer(scopes, this.#realm);
  }

  async #bearer(scopes: readonly string[], realm: Realm): Promise<string> {
    const key = keyOf(scopes);
    let token = this.#tokens.get(key);
    if (token === undefined) {
      token = this.#fetch(scopes, realm);
      this.#tokens.set(key, token);
      // A failure is not kept: the next request may try again.
      token.catch(() => this.#tokens.delete(key));
    }
    return `Bearer ${await token}`;
  }

  async #fetch(scopes: readonly string[], realm: Realm): Promise<string> {
    const credentials = await (this.#credentials ??= this.#access.credentials());
    if (credentials !== undefined && !realm.isTrusted) this.#withheld = withheld(this.#access.registry, realm);
    try {
      return await fetchToken(this.#inner, { realm, scopes, credentials });
    } catch (error) {
      if (!isAshlarError(error, "REGISTRY_AUTH")) throw error;
      if (this.#withheld !== undefined) throw this.#withheld;
      const { code, message, details, because } = error;
      const hint = loginHint(this.#access.registry.host);
      throw new AshlarError(code, message, { details, because, hint, cause: error });
    }
  }
}

function withheld(registry: URL, { url }: Realm): AshlarError {
  const message = `Cannot log in to registry "${registry.host}": its token service is at "${url.host}"`;
  return new AshlarError("REGISTRY_AUTH", `${message}, want one of the same owner before credentials are sent`, {
    hint: `if it is the right one, list it in registries.json: "authHosts": {"${registry.host}": ["${url.host}"]}`,
    details: { registry: registry.host, realm: url.host },
  });
}

function keyOf(scopes: readonly string[]): string {
  return scopes.join(" ");
}
