// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import { PathResolver } from "./path-resolver.ts";
import { makeEntries, memoryContents } from "./testing/make-package.ts";

const tree = makeEntries(
  {
    bin: { link: "usr/bin" },
    "usr/bin/sh": { link: "/bin/dash" },
    "usr/bin/dash": "x",
    "usr/bin/up": { link: "../../../../etc/./x" },
    "usr/bin/hard": { hardlink: "usr/bin/dash" },
    "etc/x": "x",
    root: { link: "/" },
    loop: { link: "loop/a" },
    long0: { link: "etc" },
    ...Object.fromEntries(Array.from({ length: 41 }, (_, i) => [`long${i + 1}`, { link: `long${i}` }])),
  },
  memoryContents().putText,
);
const resolver = new PathResolver(tree);

for (const [path, real] of [
  ["/bin/sh", "usr/bin/dash"],
  ["bin//./sh", "usr/bin/dash"],
  ["/usr/bin/up", "etc/x"],
  ["/root/bin/../bin/dash", "usr/bin/dash"],
  ["/usr/../../etc/x", "etc/x"],
  ["/etc/x/y", undefined],
  ["/etc/x/..", undefined],
  ["/loop", undefined],
  ["/nothing/../etc/x", undefined],
  ["/long20/x", "etc/x"],
  ["/long41/x", undefined],
] as const) {
  test(`PathResolver resolves ${path} as the kernel does`, () => {
    assert.equal(resolver.resolve(path)?.path, real);
  });
}

test("PathResolver resolves a hard link to its file, and knows the root", () => {
  assert.equal(resolver.resolve("/usr/bin/hard")?.path, "usr/bin/dash");
  assert.equal(resolver.realPath("/root/"), "");
  assert.equal(resolver.resolve("/"), undefined);
});
