// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import { refuses } from "../testing/remote-rig.ts";
import { parseAuthFile, planCredentials } from "./auth-files.ts";
import { credentialFinder } from "./find-credentials.ts";

function file(value: unknown): ReturnType<typeof parseAuthFile> {
  return parseAuthFile(Buffer.from(JSON.stringify(value)), "config.json");
}

function auth(user: string, password: string): { auth: string } {
  return { auth: Buffer.from(`${user}:${password}`).toString("base64") };
}

test("parseAuthFile and planCredentials find what docker login and podman login write", () => {
  const docker = file({
    auths: { "https://index.docker.io/v1/": auth("hub", "a:b"), "https://r.example:5000/v2/": auth("old", "style") },
    HttpHeaders: { "User-Agent": "x" },
  });
  const podman = file({ auths: { "r.example/team": auth("team", "x"), "r.example/team/app": auth("app", "y") } });
  const find = (registry: string, repository: string): unknown =>
    planCredentials([docker, podman], { registry, repository }).map((one) => one.kind === "given" && one.credentials);
  assert.deepEqual(find("docker.io", "library/debian"), [{ kind: "basic", user: "hub", password: "a:b" }]);
  assert.deepEqual(find("r.example:5000", "x"), [{ kind: "basic", user: "old", password: "style" }]);
  assert.deepEqual(find("r.example", "team/app"), [{ kind: "basic", user: "app", password: "y" }]);
  assert.deepEqual(find("r.example", "team/other"), [{ kind: "basic", user: "team", password: "x" }]);
  assert.deepEqual(find("r.example", "teams"), []);
  assert.deepEqual(find("example", "r"), []);
});

test("parseAuthFile reads tokens and plain pairs, and passes over empty entries", () => {
  const { logins } = file({
    auths: {
      a: { identitytoken: "refresh" },
      b: { registrytoken: "bearer" },
      c: { username: "me", password: "pw" },
      d: {},
      e: { auth: Buffer.from("me:pw\0").toString("base64") },
      f: { auth: "not base64 at all" },
    },
  });
  assert.deepEqual([...logins.entries()], [
    ["a", { kind: "identity", token: "refresh" }],
    ["b", { kind: "token", token: "bearer" }],
    ["c", { kind: "basic", user: "me", password: "pw" }],
    ["e", { kind: "basic", user: "me", password: "pw" }],
  ]);
});

test("parseAuthFile refuses broken files and names of helpers that are paths, without telling secrets", () => {
  const paths = [{ credsStore: "../../bin/sh" }, { credsStore: "a b" }, { credHelpers: { a: "/bin/sh" } }];
  for (const value of [[], { auths: 5 }, { auths: { a: "x" } }, ...paths]) {
    assert.throws(() => file(value), refuses("REGISTRY_AUTH_FILE", /config\.json/), JSON.stringify(value));
  }
  const secret = Buffer.from('{"auths":{"a":{"auth":"c2VjcmV0","auth":"c2VjcmV0"}}}');
  assert.throws(() => parseAuthFile(secret, "x"), (error: Error) => !error.message.includes("c2VjcmV0"));
});

test("credentialFinder asks helpers in order and takes the first answer", async () => {
  const files = [
    file({ credHelpers: { "r.example": "own" }, credsStore: "all", auths: { "r.example": auth("given", "pw") } }),
  ];
  const asked: string[] = [];
  const answers: Record<string, string | undefined> = {};
  let reads = 0;
  const find = credentialFinder({
    readFiles: () => (reads++, files),
    async askHelper(name, server) {
      asked.push(`${name} ${server}`);
      const answer = answers[name];
      return answer === undefined ? undefined : Buffer.from(answer);
    },
  });
  assert.deepEqual(await find("r.example", "x"), { kind: "basic", user: "given", password: "pw" });
  assert.equal(await find("docker.io", "x"), undefined);
  answers["own"] = JSON.stringify({ ServerURL: "r.example", Username: "<token>", Secret: "refresh" });
  answers["all"] = JSON.stringify({ Username: "me", Secret: "pw" });
  assert.deepEqual(await find("r.example", "x"), { kind: "identity", token: "refresh" });
  assert.deepEqual(await find("docker.io", "x"), { kind: "basic", user: "me", password: "pw" });
  const once = ["own r.example", "all https://index.docker.io/v1/"];
  assert.deepEqual(asked, [...once, ...once]);
  assert.equal(reads, 1);
  answers["all"] = "no JSON";
  await assert.rejects(find("other.example", "x"), refuses("REGISTRY_AUTH_HELPER"));
});
