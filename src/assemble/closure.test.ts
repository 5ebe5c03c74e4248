// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import type { Digest } from "../base/index.ts";
import type { ElfInfo } from "../formats/index.ts";
import { checkClosure, type ClosureFault, type ClosureOptions, verifyClosure } from "./closure.ts";
import { inspectContent, type ContentFacts } from "./content-facts.ts";
import { dropScripts } from "./interpreter.ts";
import { parseLdSoConf } from "./ld-so-conf.ts";
import { type EntrySpec, makeEntries, memoryContents } from "./testing/make-package.ts";

/** The facts of a file are written as its content: `elf {...}`, or a real `#!` line. */
function elf(info: Partial<ElfInfo> = {}): EntrySpec {
  const full = { class: 64, machine: 62, type: "dyn", needed: [], rpath: [], runpath: [], ...info };
  return { mode: 0o755, text: `elf ${JSON.stringify(full)}` };
}
const loader = "/lib64/ld-linux-x86-64.so.2";
const script = (line: string): EntrySpec => ({ mode: 0o755, text: `#!${line}\n` });
const base: Readonly<Record<string, EntrySpec>> = {
  lib: { link: "usr/lib" },
  lib64: { link: "usr/lib64" },
  bin: { link: "usr/bin" },
  "usr/lib64/ld-linux-x86-64.so.2": { link: "../lib/x86_64-linux-gnu/ld-linux-x86-64.so.2" },
  "usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2": elf(),
  "usr/lib/x86_64-linux-gnu/libc.so.6": elf({ soname: "libc.so.6" }),
};

function setUp(files: Readonly<Record<string, EntrySpec>>) {
  const contents = memoryContents();
  const tree = makeEntries({ ...base, ...files }, contents.putText);
  const factsOf = (content: Digest): ContentFacts | undefined => {
    const text = Buffer.from(contents.read(content)).toString();
    return text.startsWith("elf ") ? { elf: JSON.parse(text.slice(4)) as ElfInfo } : inspectContent(Buffer.from(text));
  };
  return { tree, contents, factsOf };
}

function faults(files: Readonly<Record<string, EntrySpec>>, options: Partial<ClosureOptions> = {}): string[] {
  const { tree, contents, factsOf } = setUp(files);
  return checkClosure(tree, { factsOf, contents, ...options }).map(
    ({ path, kind, missing }) => `${path}: ${kind} ${missing}`,
  );
}

test("checkClosure finds nothing where loader, libraries and interpreters are there", () => {
  const files = {
    "usr/bin/p": elf({ interpreter: loader, needed: ["libc.so.6", "ld-linux-x86-64.so.2"] }),
    "usr/bin/s": script("/bin/p -x"),
    "opt/e": script("/usr/bin/env p"),
    "usr/bin/env": elf({ interpreter: loader, needed: ["libc.so.6"] }),
  };
  assert.deepEqual(faults(files), []);
});

test("checkClosure names missing libraries, loaders and interpreters", () => {
  const files = {
    "usr/bin/p": elf({ interpreter: "/lib/ld-musl-x86_64.so.1", needed: ["libz.so.1"] }),
    "usr/bin/s": script("/bin/sh"),
    "usr/bin/e": script("/usr/bin/env perl"),
    "usr/lib/x86_64-linux-gnu/libq.so.2": {
      text: `elf ${JSON.stringify({ class: 64, machine: 62, needed: ["libx.so"], rpath: [], runpath: [] })}`,
    },
  };
  assert.deepEqual(faults(files), [
    "usr/bin/e: interpreter /usr/bin/env",
    "usr/bin/p: loader /lib/ld-musl-x86_64.so.1",
    "usr/bin/p: library libz.so.1",
    "usr/bin/s: interpreter /bin/sh",
    "usr/lib/x86_64-linux-gnu/libq.so.2: library libx.so",
  ]);
});

test("checkClosure looks only at programs and libraries, and not at examples", () => {
  const files = {
    "usr/share/p/data": { ...(elf({ needed: ["libx.so"] }) as object), mode: 0o644 },
    "usr/share/doc/p/examples/x": script("/bin/sh"),
    "usr/share/p/lib.sh": "#!/bin/sh\n",
  };
  assert.deepEqual(faults(files), []);
});

test("checkClosure passes over a library of another class or machine", () => {
  const files = {
    "usr/lib/x86_64-linux-gnu/libz.so.1": elf({ class: 32, machine: 3 }),
    "usr/bin/p": elf({ interpreter: loader, needed: ["libz.so.1"] }),
  };
  assert.deepEqual(faults(files), ["usr/bin/p: library libz.so.1"]);
});

test("checkClosure follows RPATH and RUNPATH with $ORIGIN, and LD_LIBRARY_PATH", () => {
  const files = {
    "opt/app/lib/liba.so": elf(),
    "opt/app/bin/p": elf({ interpreter: loader, needed: ["liba.so"], runpath: ["$ORIGIN/../lib"] }),
    "opt/app/bin/q": elf({ interpreter: loader, needed: ["liba.so"], rpath: ["/opt/${ORIGIN}", "/opt/app/lib"] }),
    "opt/app/bin/r": elf({ interpreter: loader, needed: ["liba.so"] }),
  };
  assert.deepEqual(faults(files), ["opt/app/bin/r: library liba.so"]);
  assert.deepEqual(faults(files, { libraryPath: "/opt/app/lib" }), []);
});

test("checkClosure takes the directories of ld.so.conf only where ldconfig made the cache", () => {
  const files = {
    "etc/ld.so.conf": "include /etc/ld.so.conf.d/*.conf\n",
    "etc/ld.so.conf.d/x.conf": "# comment\n/usr/local/lib\n",
    "usr/local/lib/liba.so": elf(),
    "usr/bin/p": elf({ interpreter: loader, needed: ["liba.so"] }),
  };
  assert.deepEqual(faults(files), ["usr/bin/p: library liba.so"]);
  assert.deepEqual(faults({ ...files, "etc/ld.so.cache": "" }), []);
});

test("checkClosure lets a library rely on one that its program has loaded, but no program", () => {
  const files = {
    "usr/lib/app/libcore.so": elf({ soname: "libcore.so.1" }),
    "usr/lib/app/plugins/libplugin.so": elf({ needed: ["libcore.so.1"] }),
    "usr/bin/p": elf({ interpreter: loader, needed: ["libcore.so.1"] }),
  };
  assert.deepEqual(faults(files), ["usr/bin/p: library libcore.so.1"]);
});

test("checkClosure resolves env's command by PATH, options and assignments set aside", () => {
  const env = { "usr/bin/env": elf(), "opt/bin/tool": elf() };
  const run = (line: string, path?: string): string[] => faults({ ...env, "srv/x": script(line) }, { path });
  assert.deepEqual(run("/usr/bin/env tool"), ["srv/x: interpreter tool"]);
  assert.deepEqual(run("/usr/bin/env tool", "/opt/bin:/usr/bin"), []);
  assert.deepEqual(run("/usr/bin/env -S A=1 -i tool -x", "/opt/bin"), []);
  assert.deepEqual(run("/usr/bin/env -S /opt/bin/tool"), []);
});

test("checkClosure leaves alone what its globs allow", () => {
  const files = { "usr/lib/x/s": script("/bin/sh"), "usr/bin/s": script("/bin/sh") };
  assert.deepEqual(faults(files, { allow: ["/usr/lib/x/**"] }), ["usr/bin/s: interpreter /bin/sh"]);
});

test("checkClosure survives links in circles", () => {
  assert.deepEqual(faults({ a: { link: "b" }, b: { link: "a" }, s: script("/a/b") }), ["s: interpreter /a/b"]);
});

test("checkClosure lets a plugin lack what its package only recommends, but no program", () => {
  const plugin = elf({ needed: ["libatm.so.1", "libpcre2-8.so.0", "libz.so.1"] });
  const files = { "usr/lib/tc/q_atm.so": plugin, "usr/bin/tc": elf({ interpreter: loader, needed: ["libatm.so.1"] }) };
  const { tree, contents, factsOf } = setUp(files);
  const owners = new Map(tree.map((entry) => [entry.path, "iproute2:amd64"]));
  const optionalOf = (owner: string) => new Set(owner === "iproute2:amd64" ? ["libatm1", "libpcre2-8-0"] : []);
  assert.deepEqual(
    checkClosure(tree, { factsOf, contents, owners, optionalOf }).map(({ path, missing }) => `${path} ${missing}`),
    ["usr/bin/tc libatm.so.1", "usr/lib/tc/q_atm.so libz.so.1"],
  );
});

test("verifyClosure lists who needs what, who has it, and what to do", () => {
  const { tree, contents, factsOf } = setUp({
    "usr/bin/p": elf({ interpreter: loader, needed: ["libz.so.1"] }),
    "usr/bin/s": script("/bin/sh"),
  });
  const owners = new Map([["usr/bin/p", "curl:amd64"]]) as unknown as ReadonlyMap<ClosureFault["path"], string>;
  const found = checkClosure(tree, {
    factsOf,
    contents,
    owners,
    providerOf: (missing) => (missing === "libz.so.1" ? "zlib1g" : undefined),
  });
  assert.throws(() => verifyClosure(found), {
    code: "ASSEMBLE_CLOSURE",
    because: [
      "/usr/bin/p of package curl needs the library libz.so.1, likely of package zlib1g",
      "/usr/bin/s needs the interpreter /bin/sh, likely of package dash",
    ],
    hint: /add dash, zlib1g to `system\.packages`; or add scripts to `system\.strip`/,
  });
  verifyClosure([]);
});

test("dropScripts drops scripts without interpreter, links to them and scripts that they would run", () => {
  const { tree, factsOf } = setUp({
    "usr/bin/s": script("/bin/sh"),
    "usr/bin/alias": { link: "s" },
    "usr/bin/twin": { hardlink: "usr/bin/s" },
    "usr/bin/t": script("/usr/bin/s"),
    "usr/bin/kept": script("/usr/bin/p"),
    "usr/bin/p": elf({ interpreter: loader }),
  });
  const { tree: rest, dropped } = dropScripts(tree, factsOf);
  assert.deepEqual(
    rest.filter((entry) => entry.path.startsWith("usr/bin/")).map((entry) => entry.path),
    ["usr/bin/kept", "usr/bin/p"],
  );
  assert.equal(dropped.count, 4);
  assert.equal(dropScripts(rest, factsOf).tree, rest);
});

test("parseLdSoConf reads directories and includes", () => {
  assert.deepEqual(parseLdSoConf("include x/*.conf /y\n/a:/b /c # no\nhwcap 0 nosegneg\n"), {
    directories: ["/a", "/b", "/c"],
    includes: ["/etc/x/*.conf", "/y"],
  });
});

test("checkClosure looks at a large image in little time", () => {
  const files: Record<string, EntrySpec> = {};
  for (let i = 0; i < 8000; i++) {
    files[`usr/lib/x86_64-linux-gnu/p${i % 100}/f${i}`] =
      i % 4 === 0 ? { text: "data" } : elf({ interpreter: loader, needed: ["libc.so.6"] });
  }
  const { tree, contents, factsOf } = setUp(files);
  const facts = new Map(
    tree.map((entry) => [
      entry.type === "file" ? entry.content : undefined,
      entry.type === "file" ? factsOf(entry.content) : undefined,
    ]),
  );
  const start = process.cpuUsage();
  assert.deepEqual(checkClosure(tree, { factsOf: (content) => facts.get(content), contents }), []);
  const { user, system } = process.cpuUsage(start);
  assert.ok(user + system < 600_000, `took ${(user + system) / 1000} ms of processor time`);
});
