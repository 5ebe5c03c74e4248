// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import { documentDigest, documentText, type ImageDocument, readSpec, type SystemDocument } from "./index.ts";
import { faultsOf } from "./testing/faults-of.ts";

const head = "ashlar: image/v1\nname: x\n";
const hex = "ab".repeat(32);

async function imageOf(text: string, from = "debian:bookworm"): Promise<ImageDocument> {
  const { document } = await readSpec({ file: "a.yaml", text: `${head}from: ${from}\n${text}\n` });
  assert.ok(document.ashlar === "image/v1");
  return document;
}

test("readSpec installs in full on the essential set unless the spec says otherwise", async () => {
  const systemOf = async (text: string, from?: string): Promise<string> => {
    const { install, base } = (await imageOf(text, from)).system;
    return `${install} ${base}`;
  };
  assert.equal(await systemOf(""), "full essential");
  assert.equal(await systemOf("system: { install: unpack }"), "unpack none");
  assert.equal(await systemOf("system: { base: none }"), "full none");
  assert.equal(await systemOf("system: { install: unpack, base: minbase }"), "unpack minbase");
  assert.equal(await systemOf("", "scratch"), "unpack none");
  assert.equal(await systemOf("", `oci:a/b@sha256:${hex}`), "full none");
});

test("readSpec lets an image of a fleet inherit how the one below is installed", async () => {
  const images = `  base: { from: "debian:bookworm", system: { install: unpack } }
  web: { from: { image: base } }
  top: { from: { image: web } }
  full: { from: "debian:bookworm" }
  over: { from: { image: full } }
  bare: { from: scratch }
  files: { from: { image: bare } }
`;
  const { document } = await readSpec({ file: "a.yaml", text: `ashlar: fleet/v1\nimages:\n${images}` });
  assert.ok(document.ashlar === "fleet/v1");
  const systems = Object.entries(document.images).map(
    ([key, { system }]) => `${key} ${system.install} ${system.base}`,
  );
  assert.deepEqual(systems, [
    "bare unpack none",
    "base unpack none",
    "files unpack none",
    "full full essential",
    "over full none",
    "top unpack none",
    "web unpack none",
  ]);
});

test("readSpec makes commands of texts, scripts and lists", async () => {
  const { system } = await imageOf(`system:
  run:
    - useradd -r app
    - { script: "echo 1\\n", env: { B: "2", A: "1" }, inputs: [./b, a, a] }
    - { cmd: [/bin/true, ""] }`);
  assert.deepEqual(system.run, [
    { argv: ["/bin/sh", "-eu", "-c", "useradd -r app"], env: {}, inputs: [] },
    { argv: ["/bin/sh", "-eu", "-c", "echo 1\n"], env: { A: "1", B: "2" }, inputs: ["a", "b"] },
    { argv: ["/bin/true", ""], env: {}, inputs: [] },
  ]);
});

test("readSpec fills in what a step does not say, and sorts what has no order", async () => {
  const { steps } = await imageOf(`steps:
  b: { cmd: [make], outputs: app }
  a:
    tools: [make, "gcc (>=4:1)"]
    inputs: [./b, a]
    script: make
    outputs: [z, "b/**"]
    secrets: [t, s]
    timeout: 2h
    memory: 1.5GiB
    sources:
      - { url: "https://example.com/a-1.tar.gz?x=y.zip", sha256: ${hex}, patches: [z.patch, a.patch] }
      - { url: "https://example.com/d/a%2Bb.bin", sha256: "sha256:${hex}" }
      - { url: "https://example.com/c", sha256: ${hex}, to: ./vendor//x/ }
      - { url: "https://example.com/c.tgz", sha256: ${hex}, unpack: false, to: e }`);
  assert.deepEqual(Object.keys(steps), ["a", "b"]);
  const none = { tools: [], inputs: [], exclude: [], sources: [], env: {}, secrets: [] };
  assert.deepEqual(steps["b"], { ...none, argv: ["make"], outputs: ["app"] });
  const { sources, ...rest } = steps["a"] as ImageDocument["steps"][string];
  assert.deepEqual(rest, {
    tools: ["make", "gcc (>= 4:1)"],
    inputs: ["a", "b"],
    exclude: [],
    argv: ["/bin/sh", "-eu", "-c", "make"],
    env: {},
    outputs: ["b/**", "z"],
    secrets: ["s", "t"],
    timeoutSeconds: 7200,
    memoryBytes: 1.5 * 2 ** 30,
  });
  assert.ok(sources.every(({ sha256 }) => sha256 === `sha256:${hex}`));
  assert.deepEqual(
    sources.map(({ unpack, to, patches }) => `${unpack} ${to} ${patches.join("+")}`),
    ["true . z.patch+a.patch", "false a+b.bin ", "false vendor/x/c ", "false e "],
  );
});

test("readSpec places outputs as it places files of the project", async () => {
  const { app } = await imageOf(
    `steps: { a: { cmd: [make], outputs: "**" } }
app:
  - output: { step: a, path: ./bin/x, to: /usr/bin/x, mode: 755 }
  - output: { step: a, path: [lib/b, lib/a], to: /usr/lib }`.replace("755", '"755"'),
  );
  assert.deepEqual(app, [
    { kind: "output", step: "a", from: ["bin/x"], to: "/usr/bin/x", mode: "0755" },
    { kind: "output", step: "a", from: ["lib/a", "lib/b"], to: "/usr/lib/" },
  ]);
});

test("readSpec opens what foreign bases are called", async () => {
  const named = `registry.example.com:5000/a/b@sha256:${hex}`;
  const name = "registry.example.com:5000/a/b";
  const plain = { kind: "oci", name, digest: `sha256:${hex}`, sources: [] };
  assert.deepEqual((await imageOf("", `oci:${named}`)).from, plain);
  assert.deepEqual((await imageOf("", `{ oci: "${named}", at: "oci-archive:a b.tar:v1" }`)).from, {
    ...plain,
    at: "oci-archive:a b.tar:v1",
  });
  const { from } = await imageOf("", `{ oci: "${named}", debian: bookworm, sources: [security] }`);
  assert.ok(from.kind === "oci");
  assert.equal(from.suite, "bookworm");
  assert.deepEqual(
    from.sources.map((source) => source.name),
    ["bookworm", "bookworm-security"],
  );
});

test("documentText leaves out what came later where it is empty, and says it where it is not", async () => {
  const plain = await imageOf("system: { install: unpack }");
  assert.doesNotMatch(documentText(plain), /"(steps|debconf|run)"/);
  const digests = new Set([documentDigest(plain)]);
  const system = (more: Partial<SystemDocument>): ImageDocument => ({
    ...plain,
    system: { ...plain.system, ...more },
  });
  digests.add(documentDigest(system({ debconf: { "a/b": "c" } })));
  digests.add(documentDigest(system({ run: [{ argv: ["x"], env: {}, inputs: [] }] })));
  digests.add(
    documentDigest(await imageOf("system: { install: unpack }\nsteps: { a: { cmd: [x], outputs: y } }")),
  );
  assert.equal(digests.size, 4);
});

const step = (more: string): string => `steps: { a: { cmd: [make], outputs: app, ${more} } }`;
const source = (more: string): string => step(`sources: [{ sha256: ${hex}, ${more} }]`);

/** What is written below the head, and the fault it has. */
const faulty: readonly (readonly [string, RegExp])[] = [
  [
    "steps: { a: { outputs: app } }",
    /steps\.a: key "cmd" is missing, want a program with its arguments.*script/,
  ],
  ["steps: { a: { cmd: [x] } }", /steps\.a: key "outputs" is missing/],
  [
    "steps: { a: { cmd: make x, outputs: y } }",
    /steps\.a\.cmd: it is "make x", want .* \(write \["make x"\]\)$/,
  ],
  ["steps: { a: { cmd: [], outputs: y } }", /steps\.a\.cmd: it is an empty list, want a program/],
  ['steps: { a: { script: " ", outputs: y } }', /steps\.a\.script: it is " ", want a text for \/bin\/sh/],
  [step("script: x"), /^4:\d+ Cannot use key "script" of steps\.a: beside "cmd", want one of them$/],
  [step("outptus: x"), /key "outptus" of steps\.a: it is unknown, .*did you mean "outputs"/],
  ["steps: { A: { cmd: [x], outputs: y } }", /use key "A": want a name in lower case/],
  [
    "steps: { a: { cmd: [x], outputs: /out/app } }",
    /steps\.a\.outputs: it is "\/out\/app", want a path.* below \$OUT/,
  ],
  ["steps: { a: { cmd: [x], outputs: $OUT/app } }", /want a path or pattern below \$OUT/],
  ["steps: { a: { cmd: [x], outputs: [../app] } }", /steps\.a\.outputs\[0\]: it is "\.\.\/app"/],
  ["steps: { a: { cmd: [x], outputs: [] } }", /want at least one output/],
  [step("tools: [gcc, gcc]"), /steps\.a\.tools\[1\]: it is named before/],
  [step("exclude: x"), /steps\.a\.exclude: there are no inputs/],
  [step('env: { OUT: "x" }'), /steps\.a\.env\.OUT: Ashlar sets it/],
  [step("secrets: [../x]"), /want a name such as "token"/],
  [step("timeout: 500ms"), /want a time such as "30m"/],
  [step("timeout: 30"), /steps\.a\.timeout: it is the number 30/],
  [step("memory: 9999999999999GiB"), /steps\.a\.memory: it is too large/],
  [source("url: https://u:p@example.com/a"), /want an address of a file .* without user and password/],
  [source("url: file:///etc/passwd"), /want an address of a file/],
  [source('url: "ftp://example.com/a"'), /want an address of a file/],
  [source("url: https://example.com/"), /url: it does not end in a file's name/],
  [
    source("url: https://example.com/a.zip, unpack: true"),
    /unpack: only tar can be unpacked.*\(leave it as it is/,
  ],
  [source("url: https://example.com/a.bin, patches: [x]"), /patches: the source is not unpacked/],
  [source("url: https://example.com/a.tar, patches: [/x]"), /want a file below the project/],
  [source("url: https://example.com/a.tar, to: ../x"), /to: it is "\.\.\/x", want a path below \$SRC/],
  [
    step(`sources: [{ url: "http://h/a", sha256: ${hex} }, { url: "http://i/a", sha256: ${hex} }]`),
    /sources\[1\]: another source goes to "a"/,
  ],
  [
    step("sources: [{ url: http://h/a, sha256: 0x12 }]").replace("0x12", '"ABC"'),
    /sha256: it is "ABC", want 64 hex digits in lower case/,
  ],
  ["app: [{ output: { step: a, path: x, to: /x } }]", /there is no step "a", want one under steps$/],
  [
    `${step("")}\napp: [{ output: { step: b, path: app, to: /x } }]`,
    /^5:\d+ .*step: there is no step "b", want one of a/,
  ],
  [
    `${step("")}\napp: [{ output: { step: a, path: ap, to: /x } }]`,
    /path: step "a" is not asked for "ap", want one of its outputs: app/,
  ],
  [`${step("")}\napp: [{ output: { step: a, path: app, to: x } }]`, /want an absolute path/],
  ["system: { install: unpack, run: [x] }", /system\.run: commands on the system need install: full/],
  [
    "system: { run: [{ cmd: [x], script: y }] }",
    /key "(cmd|script)" of system\.run\[0\]: beside "(cmd|script)"/,
  ],
  ['system: { run: [{ script: x, env: { INPUTS: "" } }] }', /run\[0\]\.env\.INPUTS: Ashlar sets it/],
  ["system: { run: x }", /system\.run: it is "x", want a list/],
  ["system: { install: unpack, debconf: { a/b: c } }", /system\.debconf: no maintainer script asks anything/],
  ["system: { debconf: { tzdata: x } }", /use key "tzdata": want a question as "package\/question"/],
  ["system: { debconf: { a/b: true } }", /it is the boolean true, want text.*"true"\)$/],
  ["system: { essential: false }", /said by base: essential or base: none/],
];

for (const [text, wanted] of faulty) {
  test(`readSpec names the place of: ${text.split("\n").at(-1)?.slice(0, 90)}`, async () => {
    const faults = await faultsOf("a.yaml", `${head}from: debian:bookworm\n${text}\n`);
    assert.match(faults[0] ?? "", wanted, faults.join("\n"));
  });
}

/** What stands after `from:`, with what is below, and the fault. */
const faultyFrom: readonly (readonly [string, string, RegExp])[] = [
  [
    "oci:debian",
    "",
    /^3:7 Cannot use from: it is "oci:debian", want .*"oci:NAME@sha256:\.\.\.".*skopeo inspect.*docker:\/\/debian\)$/,
  ],
  [
    "{ oci: debian:12 }",
    "",
    /from\.oci: it is "debian:12", want an image by digest.*docker:\/\/debian:12\)$/,
  ],
  [`{ oci: "a@sha256:${hex}", at: "/srv/a" }`, "", /from\.at: it is "\/srv\/a", want a place in the project/],
  [`{ oci: "a@sha256:${hex}", at: "oci:../a" }`, "", /want a place in the project/],
  [
    `{ oci: "a@sha256:${hex}", sources: [security] }`,
    "",
    /key "sources" of from: it says nothing alone, want debian beside it/,
  ],
  [`{ oci: "a@sha256:${hex}", image: b }`, "", /Cannot use key "(image|oci)" of from: beside "(oci|image)"/],
  [`"oci:a@sha256:${hex}"`, "system: { base: essential }", /system\.base: the image below brings its own/],
  [
    `"oci:a@sha256:${hex}"`,
    "system: { packages: [curl] }",
    /system\.packages: .* want debian: SUITE beside oci/,
  ],
  [
    `"oci:a@sha256:${hex}"`,
    step(""),
    /steps: there is no archive to take their tools from, want debian: SUITE/,
  ],
  ["scratch", step(""), /steps: there is no archive.*want from: debian:SUITE.*base-files/],
  ["scratch", "system: { install: full }", /system\.install: there are no packages whose scripts could run/],
  ["scratch", "system: { run: [x] }", /system\.run: commands on the system need install: full/],
];

for (const [from, text, wanted] of faultyFrom) {
  test(`readSpec names what is wrong with from: ${from.slice(0, 40)} ${text.slice(0, 40)}`, async () => {
    const faults = await faultsOf("a.yaml", `${head}from: ${from}\n${text}\n`);
    assert.match(faults[0] ?? "", wanted, faults.join("\n"));
  });
}

test("readSpec checks what steps and installing of a fleet's images stand on", async () => {
  const images = `  bare: { from: scratch }
  built: { from: { image: bare }, steps: { a: { cmd: [x], outputs: y } } }
  thin: { from: "debian:bookworm", system: { install: unpack } }
  fat: { from: { image: thin }, system: { install: full } }
`;
  const faults = await faultsOf("a.yaml", `ashlar: fleet/v1\nimages:\n${images}`);
  assert.equal(faults.length, 2, faults.join("\n"));
  assert.match(
    faults[0] as string,
    /images\.built\.steps: there is no archive to take their tools from below/,
  );
  assert.match(
    faults[1] as string,
    /images\.fat\.system\.install: "thin" below is installed with "unpack", want "unpack"/,
  );
});
