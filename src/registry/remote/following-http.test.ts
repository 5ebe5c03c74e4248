// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import { refuses } from "../testing/remote-rig.ts";
import { followingHttp } from "./following-http.ts";
import type { HttpAnswer, HttpRequest, RegistryHttp } from "./registry-http.ts";

/** A network in memory: each address has a status and, for redirects, a location. */
function network(
  answers: Readonly<Record<string, readonly [number, string?]>>,
): RegistryHttp & { readonly seen: HttpRequest[] } {
  const seen: HttpRequest[] = [];
  return {
    seen,
    async send(request): Promise<HttpAnswer> {
      seen.push(request);
      const [status, location] = answers[request.url.href] ?? [404];
      const headers = location === undefined ? {} : { location };
      return { status, headers, url: request.url, body: (async function* () {})(), discard: async () => {} };
    },
  };
}

const secret = { authorization: "Bearer secret", range: "bytes=0-9" };

test("followingHttp follows 301, 302, 303, 307 and 308, and drops authorization with the origin for good", async () => {
  const http = network({
    "https://a.example/1": [307, "/2"],
    "https://a.example/2": [302, "https://b.example/3"],
    "https://b.example/3": [308, "https://a.example/4"],
    "https://a.example/4": [301, "https://a.example/5"],
    "https://a.example/5": [303, "https://a.example/6"],
    "https://a.example/6": [200],
  });
  const url = new URL("https://a.example/1");
  const answer = await followingHttp(http).send({ method: "GET", url, headers: secret });
  assert.equal(answer.url.href, "https://a.example/6");
  const sent = http.seen.map(({ headers }) => headers?.["authorization"]);
  assert.deepEqual(sent, ["Bearer secret", "Bearer secret", undefined, undefined, undefined, undefined]);
  assert.ok(http.seen.every(({ headers }) => headers?.["range"] === "bytes=0-9"));
});

test("followingHttp refuses unsafe places and circles", async () => {
  const from = "https://a.example/x";
  for (const location of [
    "http://a.example/x", "http://b.example/", "ftp://b.example/", "file:///etc/passwd", "https://me:pw@b.example/",
    "https://127.0.0.1/", "https://0.0.0.0/", "https://[::]/", "https://[::ffff:0.0.0.0]/", "https://0/",
    "https://localhost/", "https://169.254.169.254/", "https://[fe80::1]/", "http://[", from,
  ]) {
    const http = followingHttp(network({ [from]: [302, location] }));
    await assert.rejects(http.send({ method: "GET", url: new URL(from) }), refuses("REGISTRY_REDIRECT"), location);
  }
});

test("followingHttp sends a body on by 307 and 308 only, and a secret in it to no other origin", async () => {
  const from = new URL("https://a.example/x");
  const http = network({ [from.href]: [307, "https://b.example/y"], "https://b.example/y": [201] });
  const body = Buffer.from("bytes");
  assert.equal((await followingHttp(http).send({ method: "PUT", url: from, body })).status, 201);
  assert.equal(http.seen[1]?.body, body);
  const once = { method: "POST", url: from, body, sameOrigin: true } as const;
  await assert.rejects(followingHttp(http).send(once), refuses("REGISTRY_REDIRECT", /another origin/));
  async function* stream(): AsyncGenerator<Uint8Array> {}
  assert.equal((await followingHttp(http).send({ method: "PUT", url: from, body: stream() })).status, 307);
  const other = network({ [from.href]: [302, "/y"] });
  assert.equal((await followingHttp(other).send({ method: "POST", url: from, body })).status, 302);
});
