// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import { isLoopback, isMetadataHost, isSameOwner } from "./hosts.ts";

test("isLoopback knows this machine by every name of a URL", () => {
  const own = [
    "localhost", "LOCALHOST", "a.localhost", "127.0.0.1", "127.8.9.1", "[::1]", "0x7f.1", "2130706433",
    "[::ffff:127.0.0.1]",
  ];
  for (const host of own) assert.ok(isLoopback(new URL(`http://${host}`).hostname), host);
  for (const host of ["localhost.example", "127.0.0.1.example", "128.0.0.1", "[::2]", "example.com"]) {
    assert.ok(!isLoopback(new URL(`http://${host}`).hostname), host);
  }
});

test("isMetadataHost knows the services of clouds, however their address is written", () => {
  const known = [
    "169.254.169.254", "2852039166", "0xa9.254.43518", "[fe80::1]", "metadata.google.internal", "[fd00:ec2::254]",
    "[::ffff:169.254.169.254]", "metadata.google.internal.", "100.100.100.200",
  ];
  for (const host of known) assert.ok(isMetadataHost(new URL(`http://${host}`).hostname), host);
  for (const host of ["169.253.1.1", "example.com", "[fd00::1]"]) {
    assert.ok(!isMetadataHost(new URL(`http://${host}`).hostname), host);
  }
});

test("isSameOwner takes hosts below one owned domain for one owner, and is on the safe side", () => {
  const same = [
    ["registry-1.docker.io", "auth.docker.io"], // docker's hub
    ["registry.gitlab.com", "gitlab.com"],
    ["ghcr.io", "ghcr.io"],
    ["r.team.example.co.uk", "auth.team.example.co.uk"],
    ["r.example.co.uk", "example.co.uk"],
    ["127.0.0.1", "127.0.0.1"],
    ["mine.azurecr.io", "auth.mine.azurecr.io"],
  ] as const;
  for (const [a, b] of same) assert.ok(isSameOwner(a, b) && isSameOwner(b, a), `${a} ${b}`);
  const others = [
    ["registry.example", "evil.example"], // one label is nobody's
    ["a.co.uk", "b.co.uk"],
    ["mine.azurecr.io", "yours.azurecr.io"],
    ["mine.blob.core.windows.net", "yours.blob.core.windows.net"],
    ["1.dkr.ecr.eu-west-1.amazonaws.com", "2.dkr.ecr.eu-west-1.amazonaws.com"],
    ["example.com", "example.com.evil.net"],
    ["example.com", "notexample.com"],
    ["127.0.0.1", "127.0.0.2"],
    ["com", "example.com"],
  ] as const;
  for (const [a, b] of others) assert.ok(!isSameOwner(a, b) && !isSameOwner(b, a), `${a} ${b}`);
});
