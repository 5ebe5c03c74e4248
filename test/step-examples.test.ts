// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";

import { exampleBuilder } from "./build-example.ts";
import { openPodman, podmanPrograms, removePodman } from "./podman.ts";
import { missing } from "./programs.ts";

// Compilers come from the real archive: the mirror is ASHLAR_MIRROR or that of the host's apt sources.
const area = mkdtempSync(join(tmpdir(), "ashlar-made-"));
const build = exampleBuilder(area);
after(() => removePodman(area));

const services = [
  { example: "c-program", url: "http://127.0.0.1:8080/1/2/39", answer: /^200 sum 42\n$/ },
  {
    example: "go",
    url: "http://127.0.0.1:8081/a",
    answer: /^200 {"hello":"from go","path":"\/a","trusts":[1-9]\d\d}/,
  },
];

for (const { example, url, answer } of services) {
  const title = `examples/${example} is compiled and built, and podman's container answers ${url}`;
  test(title, { skip: missing(podmanPrograms) }, async (t) => {
    const dir = mkdtempSync(join(area, "service-"));
    const name = `localhost/${example}:test`;
    build(t, example, ["--output", `docker-archive:${join(dir, "image.tar")}:${name}`]);
    const podman = openPodman(dir);
    podman.load(join(dir, "image.tar"));
    assert.match(await podman.get(name, url), answer);
  });
}
