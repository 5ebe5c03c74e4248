// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import { makeRemoteRig, readAll, refuses, type RemoteRig, someBytes } from "../testing/remote-rig.ts";
import { startTestRegistry } from "../testing/test-registry.ts";
import type { Credentials } from "./credentials.ts";

const content = someBytes(1000);
const me: Credentials = { kind: "basic", user: "me", password: "secret" };
const tokens = { kind: "token", user: "me", password: "secret" } as const;

function authorizations({ registry }: RemoteRig): (string | undefined)[] {
  return registry.requests.map(({ headers }) => headers["authorization"] as string | undefined);
}

test("nobody is told who we are before a registry asks, nor where it does not", async () => {
  await using rig = await makeRemoteRig();
  const descriptor = rig.put(content);
  let asked = 0;
  await readAll(rig.open("team/app", { credentials: async () => (asked++, me) }).blob(descriptor));
  assert.equal(asked, 0);
  assert.deepEqual(authorizations(rig), [undefined]);
});

test("a token is asked for with the least rights, and used again", async () => {
  await using rig = await makeRemoteRig({ auth: tokens });
  const descriptor = rig.put(content);
  const place = rig.open("team/app", { credentials: async () => me });
  await Promise.all([readAll(place.blob(descriptor)), readAll(place.blob(descriptor))]);
  await readAll(place.blob(descriptor));
  assert.deepEqual(rig.registry.grants, [["repository:team/app:pull"]]);
  assert.equal(await place.has(descriptor), true);
  assert.deepEqual(rig.registry.grants[1], ["repository:team/app:pull,push"]);
});

test("a token without a user is enough where the registry gives one", async () => {
  await using rig = await makeRemoteRig({ auth: { ...tokens, anonymousPull: true } });
  const descriptor = rig.put(content);
  const place = rig.open();
  assert.deepEqual(await readAll(place.blob(descriptor)), content);
  async function* bytes(): AsyncGenerator<Uint8Array> {
    yield content;
  }
  await assert.rejects(place.writeBlob(descriptor, bytes()), refuses("REGISTRY_DENIED"));
});

test("an identity token is exchanged", async () => {
  await using rig = await makeRemoteRig({ auth: { ...tokens, identityToken: "refresh" } });
  const descriptor = rig.put(content);
  const place = rig.open("team/app", { credentials: async () => ({ kind: "identity", token: "refresh" }) });
  assert.deepEqual(await readAll(place.blob(descriptor)), content);
});

test("an expired token is renewed once for each request, and a refused one is no loop", async () => {
  await using rig = await makeRemoteRig({ auth: { ...tokens, tokenUses: 1 } });
  const descriptor = rig.put(content);
  const place = rig.open("team/app", { credentials: async () => me });
  for (let i = 0; i < 3; i++) assert.deepEqual(await readAll(place.blob(descriptor)), content);
  assert.equal(rig.registry.grants.length, 3);
  rig.registry.options = { auth: { ...tokens, tokenUses: 0 } };
  rig.registry.requests.length = 0;
  await assert.rejects(readAll(place.blob(descriptor)), refuses("REGISTRY_AUTH", /401/));
  assert.ok(rig.registry.requests.length <= 4, String(rig.registry.requests.length));
});

test("wrong or missing credentials end in a hint, for both kinds of login, without the password", async () => {
  for (const auth of [tokens, { ...tokens, kind: "basic" }] as const) {
    for (const credentials of [undefined, { ...me, password: "wrong" } as const]) {
      await using rig = await makeRemoteRig({ auth });
      const descriptor = rig.put(content);
      const place = rig.open("team/app", { credentials: async () => credentials });
      await assert.rejects(readAll(place.blob(descriptor)), (error: { code: string; hint?: string }) => {
        assert.equal(error.code, "REGISTRY_AUTH");
        assert.match(error.hint ?? "", /docker login 127\.0\.0\.1:\d+/);
        assert.doesNotMatch(JSON.stringify(error), /wrong/);
        return true;
      });
      assert.ok(rig.registry.requests.length <= 3, String(rig.registry.requests.length));
    }
  }
});

test("credentials reach no token service of another owner unless it is listed, and the error says so", async () => {
  await using other = await startTestRegistry({ auth: tokens });
  const realm = `http://localhost:${other.host.split(":")[1]}/token`;
  await using rig = await makeRemoteRig({ auth: { ...tokens, realm } });
  const descriptor = rig.put(content);
  const options = { credentials: async () => me };
  const place = rig.open("team/app", options);
  await assert.rejects(readAll(place.blob(descriptor)), refuses("REGISTRY_AUTH", /token service is at "localhost:/));
  assert.equal(other.requests.length, 1);
  assert.equal(other.requests[0]?.headers["authorization"], undefined);
  const authHosts = { [rig.registry.host]: [new URL(realm).host] };
  const trusting = rig.open("team/app", { ...options, authHosts });
  await assert.rejects(readAll(trusting.blob(descriptor)), refuses("REGISTRY_AUTH"));
  assert.notEqual(other.requests.at(-1)?.headers["authorization"], undefined);
});

test("a hostile challenge is refused before anything is sent there", async () => {
  const challenges = [
    ['Bearer realm="file:///etc/passwd"', "REGISTRY_AUTH_REALM"],
    ['Bearer realm="http://169.254.169.254/token"', "REGISTRY_AUTH_REALM"],
    ['Bearer realm="http://registry.example/token"', "REGISTRY_AUTH_REALM"],
    ["Negotiate", "REGISTRY_AUTH"],
    ["", "REGISTRY_AUTH"],
  ] as const;
  for (const [challenge, code] of challenges) {
    await using rig = await makeRemoteRig({ auth: { ...tokens, challenge } });
    const descriptor = rig.put(content);
    const place = rig.open("team/app", { credentials: async () => me });
    await assert.rejects(readAll(place.blob(descriptor)), refuses(code), challenge);
    assert.ok(authorizations(rig).every((one) => one === undefined));
  }
});

test("a challenge cannot ask for other rights than the work needs", async () => {
  await using rig = await makeRemoteRig();
  const { base } = rig.registry;
  const scope = "repository:team/secret:pull,push registry:catalog:*";
  const challenge = `Bearer realm="${base}/token",service="test",scope="${scope}"`;
  rig.registry.options = { auth: { ...tokens, challenge } };
  const descriptor = rig.put(content);
  assert.deepEqual(await readAll(rig.open("team/app", { credentials: async () => me }).blob(descriptor)), content);
  assert.deepEqual(rig.registry.grants, [["repository:team/app:pull"]]);
});

test("a token service that sends without end, or to elsewhere, is left", async () => {
  await using other = await startTestRegistry();
  await using rig = await makeRemoteRig();
  const descriptor = rig.put(content);
  const place = rig.open("team/app", { credentials: async () => me });
  const isToken = (path: string): boolean => path.startsWith("/token");
  rig.registry.options = {
    auth: tokens,
    mischief: ({ path }) => (isToken(path) ? { status: 200, body: Buffer.alloc(10 << 20, " ") } : undefined),
  };
  await assert.rejects(readAll(place.blob(descriptor)), refuses("REGISTRY_ANSWER", /more than 262144 bytes/));
  const headers = { location: `${other.base}/token` };
  rig.registry.options = {
    auth: tokens,
    mischief: ({ path }) => (isToken(path) ? { status: 307, headers } : undefined),
  };
  await assert.rejects(readAll(place.blob(descriptor)), refuses("REGISTRY_REDIRECT"));
  assert.equal(other.requests.length, 0);
});

test("what a token service says of its refusal is told, and that it is busy", async () => {
  const body = Buffer.from('{"errors":[{"code":"UNAUTHORIZED","message":"the account is locked"}]}');
  for (const [status, code] of [[401, "REGISTRY_AUTH"], [403, "REGISTRY_AUTH"], [429, "REGISTRY_BUSY"]] as const) {
    await using rig = await makeRemoteRig({
      auth: tokens,
      mischief: ({ path }) => (path.startsWith("/token") ? { status, body } : undefined),
    });
    const place = rig.open("team/app", { credentials: async () => me, tryCountMax: 2 });
    await assert.rejects(readAll(place.blob(rig.put(content))), (error: { because: readonly string[] }) => {
      assert.deepEqual(error.because, ["UNAUTHORIZED: the account is locked"]);
      return refuses(code, /Cannot get a token/)(error);
    });
  }
});
