// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import { convertSpec, type Document, documentText, readSpec } from "./index.ts";
import { documentOf } from "./read-spec.ts";
import { twins } from "./testing/twins.ts";
import { writtenSpecs } from "./testing/written-specs.ts";

function documentFrom(value: unknown): Document {
  return documentOf({
    value: JSON.parse(JSON.stringify(value)),
    faults: [],
    locator: { placeOf: () => ({ file: "generated" }) },
  });
}

async function assertRoundTrip(document: Document, form: "yaml" | "ts" | "json"): Promise<void> {
  const converted = await convertSpec(document, form);
  const again = await readSpec({ file: `again.${form}`, text: converted });
  assert.equal(documentText(again.document), documentText(document), converted);
}

for (const form of ["yaml", "json"] as const) {
  test(`convertSpec to ${form} reads back to the same document`, async () => {
    await fc.assert(
      fc.asyncProperty(writtenSpecs, (value) => assertRoundTrip(documentFrom(value), form)),
      { numRuns: 150, seed: 1 },
    );
  });
}

test("convertSpec to ts reads back to the same document", async () => {
  await fc.assert(
    fc.asyncProperty(writtenSpecs, (value) => assertRoundTrip(documentFrom(value), "ts")),
    { numRuns: 25, seed: 2 },
  );
});

test("convertSpec writes what a person would write", async () => {
  const { document } = await readSpec({ file: "a.yaml", text: twins[3]?.yaml as string });
  assert.equal(
    await convertSpec(document, "yaml"),
    `ashlar: image/v1
name: registry.example.com/gateway
from: scratch
platforms: [ linux/amd64, linux/arm64 ]
users: { nonroot: { uid: 65532 } }
app:
  - copy: { from: build/server, to: /usr/bin/server, mode: "0755" }
  - link: { path: /usr/bin/gateway, target: server }
config: { entrypoint: [ /usr/bin/server ], user: "65532", ports: [ 53/udp, 8443 ] }
expect: { maxSize: 25MB, shell: false, setuid: false }
`,
  );
});

test("convertSpec writes commands, steps and bases as a person would", async () => {
  const image = "example.com/base@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
  const yaml = `ashlar: image/v1
name: x
from:
  oci: ${image}
  debian: bookworm
platforms: [ linux/amd64 ]
system: { debconf: { tzdata/Areas: Europe }, run: [ useradd -r app ] }
steps:
  server:
    tools: [ golang-go ]
    inputs: cmd/**
    env: { CGO_ENABLED: "0" }
    script: |
      cd cmd
      go build -o "$OUT/server"
    outputs: server
    memory: 4GiB
app:
  - output: { step: server, path: server, to: /usr/bin/server, mode: "0755" }
`;
  const { document } = await readSpec({ file: "a.yaml", text: yaml });
  assert.equal(await convertSpec(document, "yaml"), yaml);
  assert.equal(
    await convertSpec(document, "ts"),
    `import { image, oci, output, step } from "ashlar";

export default image({
  name: "x",
  from: oci("${image}", {
    debian: "bookworm",
  }),
  platforms: ["linux/amd64"],
  system: { debconf: { "tzdata/Areas": "Europe" }, run: ["useradd -r app"] },
  steps: {
    server: step({
      tools: ["golang-go"],
      inputs: "cmd/**",
      env: { CGO_ENABLED: "0" },
      script: "cd cmd\\ngo build -o \\"$OUT/server\\"\\n",
      outputs: "server",
      memory: "4GiB",
    }),
  },
  app: [output("server", "server", "/usr/bin/server", { mode: "0755" })],
});
`,
  );
});
