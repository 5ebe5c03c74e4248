// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";

import { exampleBuilder } from "./build-example.ts";
import { openPodman, podmanPrograms, removePodman } from "./podman.ts";
import { missing } from "./programs.ts";

// Builds the examples from the real archive: the mirror is ASHLAR_MIRROR or that of the host's apt sources.
const area = mkdtempSync(join(tmpdir(), "ashlar-examples-"));
const build = exampleBuilder(area);
after(() => removePodman(area));

interface Service {
  readonly example: string;
  readonly image?: string;
  readonly url: string;
  readonly answer: RegExp;
}

const services: readonly Service[] = [
  { example: "nginx", url: "http://127.0.0.1:8080/", answer: /^200 [^]*<html/i },
  { example: "node", url: "http://127.0.0.1:3000/a", answer: /^200 .*"hello":"from node","path":"\/a"/ },
  { example: "python", url: "http://127.0.0.1:8000/", answer: /^200 .*"from python".*"trusted roots": [1-9]\d\d/ },
  { example: "static", url: "http://127.0.0.1:8443/", answer: /^200 one static program\n$/ },
  { example: "fleet", image: "cart", url: "http://127.0.0.1:3001/", answer: /^200 cart\n$/ },
  { example: "fleet", image: "orders", url: "http://127.0.0.1:3002/", answer: /^200 orders\n$/ },
];

for (const { example, image, url, answer } of services) {
  const what = [example, image].filter(Boolean).join(" ");
  const title = `examples/${what} builds for linux/amd64, and podman's container answers ${url}`;
  test(title, { skip: missing(podmanPrograms) }, async (t) => {
    const dir = mkdtempSync(join(area, "service-"));
    const name = `localhost/${image ?? example}:test`;
    const which = image === undefined ? [] : ["--image", image];
    const output = `docker-archive:${join(dir, "image.tar")}:${name}`;
    build(t, example, ["--platform", "linux/amd64", ...which, "--output", output]);
    const podman = openPodman(dir);
    podman.load(join(dir, "image.tar"));
    assert.match(await podman.get(name, url), answer);
  });
}

test("examples/nginx builds for linux/arm64", (t) => {
  build(t, "nginx", ["--platform", "linux/arm64", "--output", `oci:${join(area, "arm64")}`]);
});
