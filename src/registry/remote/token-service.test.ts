// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import { refuses } from "../testing/remote-rig.ts";
import type { Challenge } from "./challenge.ts";
import type { HttpRequest, RegistryHttp } from "./registry-http.ts";
import { fetchToken, parseToken, realmOf } from "./token-service.ts";

function bearer(realm: string): Challenge {
  return { scheme: "bearer", parameters: new Map([["realm", realm], ["service", "s"]]) };
}

test("realmOf trusts the registry's owner and listed hosts with credentials, others with none", () => {
  const hub = new URL("https://registry-1.docker.io");
  assert.equal(realmOf(bearer("https://auth.docker.io/token"), hub, []).isTrusted, true);
  assert.equal(realmOf(bearer("https://auth.elsewhere.example/token"), hub, []).isTrusted, false);
  const listed = realmOf(bearer("https://auth.elsewhere.example/token"), hub, ["auth.elsewhere.example"]);
  assert.equal(listed.isTrusted, true);
  const local = new URL("http://127.0.0.1:5000");
  assert.equal(realmOf(bearer("http://127.0.0.1:5001/token"), local, []).isTrusted, true);
});

test("realmOf refuses realms that no registry has for a good reason", () => {
  const registry = new URL("https://registry.example.com");
  const refused = [
    "file:///etc/passwd", "ftp://registry.example.com/", "http://registry.example.com/token",
    "http://auth.example.com/token", "https://127.0.0.1/token", "https://localhost/token", "https://[::1]/",
    "https://169.254.169.254/latest/meta-data", "https://2852039166/", "https://10.0.0.1/token",
    "https://metadata.google.internal/", "https://me:secret@auth.example.com/token", "", "/token", "https://",
  ];
  for (const realm of refused) {
    assert.throws(() => realmOf(bearer(realm), registry, ["169.254.169.254"]), refuses("REGISTRY_AUTH_REALM"), realm);
  }
  const plain = new URL("http://registry.example.com:5000");
  assert.throws(() => realmOf(bearer("http://elsewhere.example/token"), plain, []), refuses("REGISTRY_AUTH_REALM"));
});

/** Answers each request with a token and remembers them. */
function tokenHttp(): RegistryHttp & { readonly seen: HttpRequest[] } {
  const seen: HttpRequest[] = [];
  return {
    seen,
    async send(request) {
      seen.push(request);
      async function* body(): AsyncGenerator<Uint8Array> {
        yield Buffer.from('{"access_token":"abc"}');
      }
      return { status: 200, headers: {}, url: request.url, body: body(), discard: async () => {} };
    },
  };
}

test("fetchToken sends user and password, an identity token, or nothing; only to a trusted realm", async () => {
  const http = tokenHttp();
  const realm = { url: new URL("https://auth.example.com/token?x=1"), service: "s v", isTrusted: true };
  const scopes = ["repository:a/b:pull", "repository:c:pull"];
  const basic = { kind: "basic", user: "me", password: "pass:word" } as const;
  assert.equal(await fetchToken(http, { realm, scopes, credentials: basic }), "abc");
  await fetchToken(http, { realm, scopes, credentials: { kind: "identity", token: "refresh" } });
  await fetchToken(http, { realm, scopes, credentials: undefined });
  await fetchToken(http, { realm: { ...realm, isTrusted: false }, scopes, credentials: basic });
  await fetchToken(http, {
    realm: { ...realm, isTrusted: false }, scopes, credentials: { kind: "identity", token: "refresh" },
  });
  const [first, second, ...others] = http.seen;
  const query = "x=1&service=s+v&scope=repository%3Aa%2Fb%3Apull&scope=repository%3Ac%3Apull";
  assert.equal(first?.url.href, `https://auth.example.com/token?${query}`);
  assert.equal(first?.headers?.["authorization"], `Basic ${Buffer.from("me:pass:word").toString("base64")}`);
  assert.equal(second?.method, "POST");
  assert.match(Buffer.from(second?.body as Uint8Array).toString(), /refresh_token=refresh&service=s\+v&scope=.*/);
  for (const request of others) {
    assert.equal(request.method, "GET");
    assert.deepEqual([request.headers, request.body], [undefined, undefined]);
  }
  assert.ok(http.seen.every(({ sameOrigin }) => sameOrigin === true));
});

test("parseToken refuses what could be no token", () => {
  const wrong = ["", "{}", '{"token":5}', '{"token":"a\\r\\nX: y"}', '{"token":"ä"}', '{"token":"a","token":"b"}'];
  for (const text of wrong) {
    assert.throws(() => parseToken(Buffer.from(text), "x"), refuses("REGISTRY_ANSWER"), text);
  }
});
