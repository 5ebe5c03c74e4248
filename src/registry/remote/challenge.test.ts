// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import { parseChallenges } from "./challenge.ts";

function shown(header: string): [string, Record<string, string>][] {
  return parseChallenges(header).map(({ scheme, parameters }) => [scheme, Object.fromEntries(parameters)]);
}

test("parseChallenges reads what registries send, and several challenges", () => {
  // Docker's hub, distribution, and the example of RFC 9110, 11.6.1.
  assert.deepEqual(shown('Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="a:b:pull"'), [
    ["bearer", { realm: "https://auth.docker.io/token", service: "registry.docker.io", scope: "a:b:pull" }],
  ]);
  assert.deepEqual(shown("Basic realm=Registry"), [["basic", { realm: "Registry" }]]);
  assert.deepEqual(shown('Newauth realm="apps", type=1, title="Login to \\"apps\\"", Basic realm="simple"'), [
    ["newauth", { realm: "apps", type: "1", title: 'Login to "apps"' }],
    ["basic", { realm: "simple" }],
  ]);
  assert.deepEqual(shown("Negotiate, Basic REALM = x"), [["negotiate", {}], ["basic", { realm: "x" }]]);
});

test("parseChallenges ends at what it cannot read, and keeps the first of two", () => {
  assert.deepEqual(shown(""), []);
  assert.deepEqual(shown('realm="x"'), []);
  assert.deepEqual(shown('Bearer realm="unfinished'), [["bearer", {}]]);
  assert.deepEqual(shown('Bearer realm="a",realm="b"'), [["bearer", { realm: "a" }]]);
  assert.ok(shown(`Basic ${"a=b,".repeat(100_000)}`).length <= 1);
});
