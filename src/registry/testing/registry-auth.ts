// SPDX-License-Identifier: Apache-2.0
import { type Asked, failure, type Reply } from "./registry-content.ts";

export interface AuthRules {
  readonly kind: "basic" | "token";
  readonly user: string;
  readonly password: string;
  /** Accepted in place of user and password by POST. */
  readonly identityToken?: string | undefined;
  /** Reading needs a token, but no user. */
  readonly anonymousPull?: boolean | undefined;
  /** Requests after which a token is worth nothing; without it for ever. */
  readonly tokenUses?: number | undefined;
  /** Where tokens are had, by default at the registry itself. */
  readonly realm?: string | undefined;
  /** The whole value of `WWW-Authenticate`, in place of one that is right. */
  readonly challenge?: string | undefined;
}

interface Token {
  readonly scopes: readonly string[];
  uses: number;
}

interface Need {
  readonly repository: string;
  /** The registry's own address. */
  readonly base: string;
}

/** Logging in to a test registry: by user and password, or by tokens with scopes. */
export class TestAuth {
  readonly #tokens = new Map<string, Token>();
  /** The scopes of each token that was handed out. */
  readonly grants: (readonly string[])[] = [];

  /** Undefined where the request may go on. */
  refuse(asked: Asked, rules: AuthRules, need: Need): Reply | undefined {
    const given = asked.headers.authorization ?? "";
    if (rules.kind === "basic") return given === basicOf(rules) ? undefined : this.#challenge(rules, need.base);
    const token = this.#tokens.get(given.replace(/^Bearer /, ""));
    if (token === undefined || token.uses-- <= 0) return this.#challenge(rules, need.base);
    const isRead = asked.method === "GET" || asked.method === "HEAD";
    const wanted = isRead ? "pull" : "push";
    if (hasRight(token.scopes, need.repository, wanted)) return undefined;
    return isRead ? this.#challenge(rules, need.base) : failure(403, "DENIED");
  }

  mayMount(asked: Asked, rules: AuthRules, from: string): boolean {
    if (rules.kind === "basic") return true;
    const token = this.#tokens.get((asked.headers.authorization ?? "").replace(/^Bearer /, ""));
    return token !== undefined && hasRight(token.scopes, from, "pull");
  }

  #challenge(rules: AuthRules, base: string): Reply {
    const realm = rules.realm ?? `${base}/token`;
    const right = rules.kind === "basic" ? 'Basic realm="test"' : `Bearer realm="${realm}",service="test"`;
    return { ...failure(401, "UNAUTHORIZED"), headers: { "www-authenticate": rules.challenge ?? right } };
  }

  /** The token service. */
  answer({ method, url, headers, body }: Asked, rules: AuthRules): Reply {
    const form = new URLSearchParams(method === "POST" ? Buffer.from(body).toString("utf8") : "");
    const isUser = headers.authorization === basicOf(rules);
    const isKnown = isUser || (rules.identityToken !== undefined && form.get("refresh_token") === rules.identityToken);
    const asked = method === "POST" ? (form.get("scope") ?? "").split(" ") : url.searchParams.getAll("scope");
    if (!isKnown && rules.anonymousPull !== true) return failure(401, "UNAUTHORIZED");
    const scopes = isKnown ? asked : asked.map((scope) => scope.replace(/,push$/, ""));
    const token = `token-${this.grants.length}`;
    this.grants.push(scopes);
    this.#tokens.set(token, { scopes, uses: rules.tokenUses ?? Infinity });
    return { status: 200, headers: { "content-type": "application/json" }, body: JSON.stringify({ token }) };
  }
}

function hasRight(scopes: readonly string[], repository: string, right: string): boolean {
  return scopes.some((scope) => {
    const [, name = "", actions = ""] = scope.split(":");
    return name === repository && actions.split(",").includes(right);
  });
}

function basicOf({ user, password }: AuthRules): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
}
