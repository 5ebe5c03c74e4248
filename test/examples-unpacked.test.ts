// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { after, test } from "node:test";

import { exampleBuilder } from "./build-example.ts";
import { describeRoot } from "./describe-root.ts";
import { ashlar, missing, must } from "./programs.ts";

// Builds the examples from the real archive: the mirror is ASHLAR_MIRROR or that of the host's apt sources.
const area = mkdtempSync(join(tmpdir(), "ashlar-unpacked-"));
const build = exampleBuilder(area);
after(() => rmSync(area, { recursive: true, force: true }));

/** By the name of the image in the store. */
const examples: readonly (readonly [example: string, image: string])[] = [
  ...(["c-program", "go", "nginx", "node", "python", "python-full", "static"] as const).map(
    (example) => [example, `example/${example}`] as const,
  ),
  ...(["base", "cart", "orders"] as const).map((image) => ["fleet", `registry.example.com/shop/${image}`] as const),
];

/** One directory that every example is checked out to in turn: each is an update from the one before. */
const updated = join(area, "updated");

for (const [example, image] of examples) {
  const title = `umoci's tree of examples/${example} (${image}) is our checkout and our update, path for path`;
  test(title, { skip: missing(["umoci", "getfattr", "find", "unshare"]) }, (t) => {
    const dir = mkdtempSync(join(area, "example-"));
    const [layout, linked, theirs] = [join(dir, "layout"), join(dir, "linked"), join(dir, "umoci")];
    const which = example === "fleet" ? ["--image", basename(image)] : [];
    const form = ["--compression", "none", "--output", `oci:${layout}:v1`];
    build(t, example, ["--platform", "linux/amd64", ...which, ...form]);
    must("umoci", ["unpack", "--image", `${layout}:v1`, theirs]);
    const root = join(theirs, "rootfs");
    for (const args of [[linked], [updated, "--update"]]) {
      const { status, err } = ashlar(join(area, "store"), ["checkout", image, ...args, "--platform", "linux/amd64"]);
      assert.equal(status, 0, err);
      const [ours] = args as [string];
      assert.deepEqual(describeRoot(ours), describeRoot(root));
      must("diff", ["--recursive", "--no-dereference", root, ours]);
    }
    rmSync(dir, { recursive: true });
  });
}
