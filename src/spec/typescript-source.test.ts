// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import { digestOf } from "../base/index.ts";
import { type ImageDocument, readSpec } from "./index.ts";
import { faultsOf } from "./testing/faults-of.ts";
import { readTypeScript } from "./typescript-source.ts";

const minimal = (fields: string): string =>
  `import { image, input, scratch } from "ashlar";\nexport default image({ name: "x", from: scratch, ${fields} });\n`;

async function labelsOf(text: string, parameters: Record<string, string> = {}): Promise<unknown> {
  const { document } = await readSpec({ file: "ashlar.ts", text, parameters });
  return (document as ImageDocument).config.labels;
}

test("readSpec hands --set to input() and knows defaults and choices", async () => {
  const text = minimal(
    'config: { labels: { a: input("a"), b: input("b", { default: "2" }), c: input("c", { choices: ["x", "y"] }) } }',
  );
  assert.deepEqual(await labelsOf(text, { a: "1", c: "y" }), { a: "1", b: "2", c: "y" });
  assert.deepEqual(await faultsOf("ashlar.ts", text), [
    '2:79 Cannot evaluate the spec: input "a" has neither a value nor a default (add --set a=VALUE)',
    '2:127 Cannot evaluate the spec: input "c" has neither a value nor a default (add --set c=VALUE)',
  ]);
  const [wrong] = await faultsOf("ashlar.ts", text, { parameters: { a: "1", c: "z" } });
  assert.match(wrong as string, /input "c" is "z", want one of "x", "y"/);
  const [unknown] = await faultsOf(
    "ashlar.ts",
    minimal('layers: { packages: Number(input("port", { default: "1" })) }'),
    {
      parameters: { prot: "1" },
    },
  );
  assert.equal(
    unknown,
    'ashlar.ts Cannot set "prot": the spec has no such input, it asks for "port" (did you mean --set port=...?)',
  );
});

test("readSpec imports relative modules of the project and reports them with their digests", async () => {
  const files: Record<string, string> = {
    "lib/ports.ts": `import { one } from "${"../one.ts"}";\nexport const ports: number[] = [one, 2];\n`,
    "one.ts": "export const one: number = 1;\n",
  };
  const text = `import { ports } from "./lib/ports.ts";\n${minimal("config: { ports }")}`;
  const { document, inputs } = await readSpec({
    file: "deep/down/ashlar.ts",
    text,
    readModule: (path) => files[path],
  });
  assert.deepEqual((document as ImageDocument).config.ports, ["1/tcp", "2/tcp"]);
  assert.deepEqual(inputs, [
    { path: "lib/ports.ts", digest: digestOf(files["lib/ports.ts"] as string) },
    { path: "one.ts", digest: digestOf(files["one.ts"] as string) },
  ]);
});

const refusedImports: readonly (readonly [string, RegExp])[] = [
  ['import fs from "fs";', /^1:16 .*import of "fs" is refused, want "ashlar" or a relative path/],
  ['import fs from "node:fs";', /import of "node:fs" is refused/],
  ['import x from "/etc/passwd";', /import of "\/etc\/passwd" is refused/],
  ['import x from "https://example.com/x.ts";', /is refused/],
  [`import x from "${"../x.ts"}";`, /import of "\.\.\/x\.ts" leaves the project/],
  [`import x from "${"./a/../../x.ts"}";`, /leaves the project/],
  ['import x from "./x";', /has no known ending/],
  ['import x from "./gone.ts";', /^1:18 Cannot import "gone\.ts": there is no such file/],
  ['await import("os");', /import of "os" is refused/],
];

for (const [code, wanted] of refusedImports) {
  test(`readSpec refuses ${code}`, async () => {
    const asked: string[] = [];
    const readModule = (path: string): undefined => void asked.push(path);
    assert.match((await faultsOf("ashlar.ts", `${code}\n${minimal("")}`, { readModule }))[0] as string, wanted);
    assert.deepEqual(
      asked.filter((path) => path !== "gone.ts"),
      [],
    );
  });
}

const hostile: readonly (readonly [string, string, RegExp])[] = [
  ["an endless loop", "for (;;) {}", /does not come to an end/],
  ["endless recursion", "const f = (): number => f() + 1;\nf();", /^1:\d+ .*stack overflow/],
  ["a memory bomb", "const a = [];\nfor (;;) a.push({ a });", /^2:\d+ .*more than 16 MiB of memory/],
  ["a huge array", "new Array(1e9).fill(1);", /memory/],
  ["a slow regular expression", '/(a+)+$/.test("a".repeat(60) + "b");', /does not come to an end/],
  ["a promise that never ends", "await new Promise(() => {});", /waits for something/],
  ["an exported promise", "export default Promise.resolve({});", /is a Promise \(specs are synchronous\)/],
  ["an exported function", "export default { a: [() => 1] };", /a\[0\] is of type function/],
  ["an exported class", "export default { a: new Map() };", /a is an object of class Map/],
  ["a circle", "const a: any = {};\na.a = a;\nexport default a;", /contains itself/],
  ["a huge result", 'export default { a: "x".repeat(3e6) };', /characters of JSON/],
  ["not a number", "export default { a: NaN };", /a is the number NaN/],
  ["nothing exported", "export const a = 1;", /no default export/],
  ["a thrown text", 'throw "no";', /it threw "no"/],
  ["the clock", "\nDate.now();", /^2:1 .*'Date' is not defined \(a spec has no clock/],
  ["randomness", "Math.random();", /Math\.random is not there/],
  ["the environment", "process.env.HOME;", /'process' is not defined/],
  ["the network", 'fetch("http://127.0.0.1/");', /'fetch' is not defined/],
  ["printing", "console.log(1);", /'console' is not defined \(look at what comes out/],
  ["an escape through constructors", '(() => {}).constructor("return process")();', /'process' is not defined/],
  ["an escape through eval", 'eval("require")("fs");', /'require' is not defined/],
  ["the evaluator's inputs", "(globalThis as any).ashlarInputs.asked.x;", /TypeError/],
  ["an enum", "enum A {\n  x,\n}", /^1:1 .*enum is not supported.*\(use only syntax/],
  ["a deeply nested program", "(".repeat(50_000), /nested too deep/],
  ["deeply nested types", `type A = ${"[".repeat(20_000)}${"]".repeat(20_000)};`, /nested too deep/],
  ["a syntax error", "const a: number = 1;\nconst b: number = ;", /^2:19 .*Expression expected/],
];

for (const [name, code, wanted] of hostile) {
  test(`readSpec survives ${name}`, async () => {
    assert.match((await faultsOf("ashlar.ts", `${code}\n`))[0] as string, wanted);
  });
}

test("readSpec is not fooled by polluted prototypes and __proto__ keys", async () => {
  const pollute = `Object.prototype.users = { evil: { uid: 0 } };\nObject.prototype.toJSON = () => "x";\n`;
  const { document } = await readSpec({ file: "ashlar.ts", text: minimal("").replace("\n", `\n${pollute}`) });
  assert.deepEqual((document as ImageDocument).users, {});
  assert.equal(({} as Record<string, unknown>)["users"], undefined);
  const text = minimal('config: { labels: JSON.parse(\'{"__proto__": "a"}\') }');
  assert.match((await faultsOf("ashlar.ts", text))[0] as string, /config.labels.__proto__: this name is not allowed/);
});

test("readSpec ends what QuickJS cannot interrupt by ending its thread", async () => {
  const text = "let a = 3n;\nfor (let i = 0; i < 64; i++) a = a * a;\n";
  const started = performance.now();
  const { faults } = await readTypeScript({ file: "ashlar.ts", text, parameters: {} }, 1500);
  assert.equal(faults.length, 1);
  assert.ok(performance.now() - started < 8000);
});

test("readSpec finds misspelt keys of a TypeScript spec in its text", async () => {
  const text =
    'import { image, scratch } from "ashlar";\n' +
    'export default image({\n  name: "x",\n  from: scratch,\n  sytem: {},\n});\n';
  assert.match(
    (await faultsOf("ashlar.ts", text))[0] as string,
    /^5:3 Cannot use key "sytem": .*did you mean "system"/,
  );
});
