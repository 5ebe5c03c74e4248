// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import { isAshlarError } from "../base/index.ts";
import { documentDigest, documentText, type ImageDocument, readSpec } from "./index.ts";
import { faultsOf } from "./testing/faults-of.ts";
import { twins } from "./testing/twins.ts";

for (const { name, ts, yaml } of twins) {
  test(`readSpec gives one document for both forms: ${name}`, async () => {
    const fromYaml = await readSpec({ file: "ashlar.yaml", text: yaml });
    const fromTs = await readSpec({ file: "project/ashlar.ts", text: ts });
    assert.deepEqual(fromTs.document, fromYaml.document);
    assert.equal(documentDigest(fromTs.document), documentDigest(fromYaml.document));
  });
}

test("readSpec fills in every default and sorts what has no order", async () => {
  const text =
    'ashlar: image/v1\nname: a/b\nfrom: debian:bookworm\nusers: { web: { uid: 7 } }\nconfig: { ports: [80, "443"] }\n';
  const { document } = await readSpec({ file: "a.yaml", text });
  assert.equal(
    documentText(document),
    '{"app":[],"ashlar":"image/v1","config":{"ports":["443/tcp","80/tcp"]},"expect":' +
      '{"closure":"warn","closureAllow":[],"deny":[]},"from":{"kind":"debian",' +
      '"sources":[{"archive":"main","components":["main"],"name":"bookworm","suite":"bookworm"}],' +
      '"suite":"bookworm"},"layers":{"packages":1},"lifecycle":{},"name":"a/b",' +
      '"platforms":["linux/amd64"],"system":{"base":"essential","install":"full","only":{},"packages":[],"strip":[]},' +
      '"users":{"web":{"gecos":"","gid":7,"groups":[],"home":"/nonexistent","shell":"/usr/sbin/nologin","uid":7}}}',
  );
});

test("readSpec takes updates and backports from the main archive and security from its own", async () => {
  const { document } = await readSpec({ file: "a.yaml", text: twins[1]?.yaml as string });
  const { from } = document as ImageDocument;
  assert.deepEqual(from.kind === "debian" && from.sources.map(({ name, archive }) => `${name} ${archive}`), [
    "bookworm main",
    "bookworm-updates main",
    "bookworm-security security",
    "bookworm-backports main",
  ]);
});

test("readSpec makes a directory of the target where several files may go", async () => {
  const targets = [];
  for (const from of ["a", "a*", "[a, b]", "./a", "a/{b,c}"]) {
    const written = from.startsWith("[") ? from : `"${from}"`;
    const text = `ashlar: image/v1\nname: x\nfrom: scratch\napp: [{ copy: { from: ${written}, to: /t } }]\n`;
    const { document } = await readSpec({ file: "a.yaml", text });
    const [item] = (document as ImageDocument).app;
    targets.push(item?.kind === "copy" && `${item.from.join("+")} ${item.to}`);
  }
  assert.deepEqual(targets, ["a /t", "a* /t/", "a+b /t/", "a /t", "a/{b,c} /t/"]);
});

const head = "ashlar: image/v1\nname: x\nfrom: debian:bookworm\n";

/** What is written below the head, and the faults it has. */
const faulty: readonly (readonly [string, readonly (string | RegExp)[]])[] = [
  [
    "sytem: {}",
    [/^4:1 Cannot use key "sytem": it is unknown, want one of .*, system, .* \(did you mean "system"\?\)$/],
  ],
  ["system: { strip: [doc] }", [/^4:19 Cannot use system.strip\[0\]: it is "doc", .* \(did you mean "docs"\?\)$/]],
  ["system: { packages: nginx }", ['4:21 Cannot use system.packages: it is "nginx", want a list (write ["nginx"])']],
  ["system: { packages: [a b] }", [/^4:22 Cannot use system.packages\[0\]: it is "a b", want a package such as/]],
  ["system: { packages: [nginx, nginx] }", [/^4:29 .* it is named at position 0 already, want it once$/]],
  [
    "app: [{ dir: { path: /a, mode: 0755 } }]",
    [/it is the number 755, want a mode as text.* \(put it in quotes.*: "0755"\)$/],
  ],
  ["app: [{ dir: { path: a } }]", [/^4:22 .* it is "a", want an absolute path/]],
  ["app: [{ dir: { path: /a/../b } }]", [/want an absolute path without/]],
  ["app: [{ copy: { from: ../a, to: /b } }]", [/^4:23 .*want files below the project/]],
  [
    "app: [{ copy: { from: a, to: /b }, dir: { path: /c } }]",
    [/^4:36 Cannot use key "dir" of app\[0\]: beside "copy", want one of them$/],
  ],
  ["app: [{ cpy: { from: a, to: /b } }]", [/^4:9 Cannot use key "cpy" of app\[0\].*did you mean "copy"/]],
  ["expect: { maxSize: 40 }", [/^4:20 .*it is the number 40, want a size as text/]],
  ["lifecycle: { eol: 2028-02-30 }", [/want a day of the calendar/]],
  ["config: { ports: [70000] }", [/^4:19 .*want a port from 1 to 65535/]],
  ["config: { env: { A: 1.10 } }", [/^4:21 .*it is the number 1.1.* "1.10"\)$/]],
  ["config:", [/^4:1 Cannot use config: it is empty, want a mapping with the keys entrypoint/]],
  ["users: { a: { uid: 5 }, b: { uid: 5 } }", [/^4:35 Cannot use users.b.uid: "a" has this uid/]],
  ["deps: []", [/^4:1 Cannot use key "deps": this version of Ashlar cannot .* yet/]],
  ["expect: { smoke: {} }", [/this version of Ashlar cannot run smoke tests yet/]],
  ["system: { scripts: known }", [/said by install/]],
  ["name: y", ["4:1 Cannot use name: this key occurs twice"]],
  ["<<: {}", ['4:1 Cannot use ["<<"]: merge keys are not part of specs']],
  ["config: { labels: { __proto__: a } }", [/^4:21 .*this name is not allowed/]],
  ['config: { author: "\\0" }', [/it holds a NUL character/]],
  ["config: !!binary aaaa", [/^4:18 .*it has the tag .*binary, want plain data without tags/]],
  ["---\na: 1", [/one document a file/]],
  ["system: {\n  sytem: 1\nuser: 2", [/^\d+:\d+ Cannot read YAML/]],
];

for (const [text, wanted] of faulty) {
  test(`readSpec names the place of: ${text.split("\n")[0]}`, async () => {
    const faults = await faultsOf("a.yaml", `${head}${text}\n`);
    assert.ok(faults.length >= wanted.length, faults.join("\n"));
    wanted.forEach((want, i) => {
      if (typeof want === "string") assert.equal(faults[i], want);
      else assert.match(faults[i] as string, want);
    });
  });
}

test("readSpec collects all faults of a document in their order, with excerpts", async () => {
  const text = `${head}sytem: {}\nexpect: { maxSize: 1 }\nlayers: { packages: 0 }\n`;
  await assert.rejects(readSpec({ file: "a.yaml", text }), (error) => {
    assert.ok(isAshlarError(error, "SPEC_INVALID"));
    assert.equal(error.where?.line, 4);
    assert.match(error.where?.excerpt ?? "", /> 4 \| sytem: \{\}\n/);
    assert.match(error.because.join("\n"), /^a\.yaml:5:20: .*\na\.yaml:6:21: /);
    assert.equal((error.details["faults"] as unknown[]).length, 3);
    return true;
  });
});

test("readSpec checks what the images of a fleet stand on", async () => {
  const images = `  base: { from: "debian:bookworm", platforms: [linux/arm64] }
  bare: { from: scratch }
  typo: { from: { image: bse } }
  ring: { from: { image: ring2 } }
  ring2: { from: { image: ring } }
  wide: { from: { image: base }, platforms: [linux/arm64, linux/amd64] }
  empty: { from: { image: bare }, system: { packages: [curl] } }
  twin: { name: base, from: { image: constructor } }
`;
  assert.deepEqual(await faultsOf("a.yaml", `ashlar: fleet/v1\nimages:\n${images}`), [
    '5:17 Cannot use images.typo.from: there is no image "bse", want one of bare, base, empty, ring, ring2, ' +
      'twin, wide (did you mean "base"?)',
    "6:17 Cannot use images.ring.from: it stands on itself (ring -> ring2 -> ring)",
    "7:18 Cannot use images.ring2.from: it stands on itself (ring2 -> ring -> ring2)",
    '8:45 Cannot use images.wide.platforms: "base" is not made for linux/amd64, want a subset of its platforms',
    "9:55 Cannot use images.empty.system.packages: there is no archive to take them from below, " +
      "want an image that stands on debian:SUITE",
    '10:9 Cannot use images.twin: "base" has the name "base" already, want another',
    '10:29 Cannot use images.twin.from: there is no image "constructor", want one of bare, base, empty, ring, ring2, ' +
      "typo, wide",
  ]);
});

test("readSpec lets an image of a fleet inherit the platforms of the one below", async () => {
  const { document } = await readSpec({ file: "a.yaml", text: twins[4]?.yaml as string });
  assert.ok(document.ashlar === "fleet/v1");
  assert.deepEqual(document.images["orders"]?.platforms, ["linux/amd64", "linux/arm64"]);
});

test("readSpec reads JSON strictly, with places", async () => {
  const { document } = await readSpec({
    file: "a.json",
    text: '{"$schema": "x", "ashlar": "image/v1", "name": "x", "from": "scratch"}',
  });
  assert.equal(document.ashlar === "image/v1" && document.name, "x");
  assert.match((await faultsOf("a.json", '{\n"a": 1,}'))[0] as string, /^2:8 Cannot read JSON/);
  assert.match((await faultsOf("a.json", "ashlar: image/v1"))[0] as string, /Cannot read JSON/);
  assert.deepEqual(await faultsOf("a.json", '{"ashlar": "image/v1",\n"name": "x", "name": "y", "from": "scratch"}'), [
    "2:14 Cannot use name: this key occurs twice",
  ]);
});

test("readSpec refuses unknown endings, foreign kinds and --set for YAML", async () => {
  assert.match((await faultsOf("Dockerfile", "x"))[0] as string, /its ending is unknown/);
  assert.match((await faultsOf("a.yaml", "ashlar: image/v9"))[0] as string, /it is "image\/v9"/);
  assert.match((await faultsOf("a.yaml", "name: x"))[0] as string, /key "ashlar" is missing/);
  assert.match(
    (await faultsOf("a.yaml", `${head}`, { parameters: { a: "b" } }))[0] as string,
    /only TypeScript specs/,
  );
});

test("readSpec refuses sources that name no key, carry a password or clash", async () => {
  const spec = (sources: string): string =>
    `ashlar: image/v1\nname: x\nfrom: { debian: bookworm, sources: [${sources}] }\n`;
  const third = (uri: string, signedBy: string): string =>
    `{ deb: "${uri}", suite: a, components: [main], signedBy: "${signedBy}" }`;
  const key = "AB".repeat(20);
  const refused: readonly (readonly [string, RegExp])[] = [
    [third("https://u:p@example.com/x", key), /want an address "https:\/\/HOST\/PATH" without user and password/],
    [third("file:///srv/mirror", key), /want an address/],
    [third("https://example.com", "../k.asc"), /want a fingerprint/],
    [third("https://example.com", "a\\n/../../k.asc"), /want a fingerprint/],
    [third("https://example.com", key.toLowerCase()), /want a fingerprint/],
    ['{ deb: "https://example.com", suite: a, components: [main] }', /key "signedBy" is missing/],
    ['{ deb: "https://example.com", suite: a, components: [], signedBy: k.asc }', /want at least one component/],
    [`${third("https://example.com", key)}, ${third("https://example.com/y", key)}`, /two sources have the same name/],
    ["updatse", /did you mean "updates"/],
  ];
  for (const [sources, wanted] of refused)
    assert.match((await faultsOf("a.yaml", spec(sources)))[0] as string, wanted);
  const sid = "ashlar: image/v1\nname: x\nfrom: { debian: sid, sources: [updates] }\n";
  assert.match((await faultsOf("a.yaml", sid))[0] as string, /sid has neither updates/);
  for (const from of ["scratch", "{ image: base }"]) {
    const text = `ashlar: image/v1\nname: x\nfrom: ${from}\nsystem: { base: minbase, packages: [curl] }\n`;
    assert.match((await faultsOf("a.yaml", text)).join("\n"), /want "none" or from: debian:SUITE/);
  }
});
