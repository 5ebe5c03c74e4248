// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import { type Entry, makeTree } from "../../formats/index.ts";
import { makeEntries, memoryContents } from "../testing/make-package.ts";
import { applyRules } from "./apply-rules.ts";
import { timeOffset } from "./python-bytecode.ts";

const contents = memoryContents();

/** A .pyc: magic number, CR LF, flags, time and size of the source, code. */
function pyc(magic: number, words: readonly number[], code = "code"): Buffer {
  const head = Buffer.alloc(4 + 4 * words.length);
  head.writeUInt16LE(magic, 0);
  head.write("\r\n", 2, "latin1");
  words.forEach((word, i) => head.writeUInt32LE(word, 4 + 4 * i));
  return Buffer.concat([head, Buffer.from(code)]);
}

const python311 = 3495;
const python27 = 62211;

test("timeOffset finds the source's time in the headers of CPython 2.7 and 3.7 on, and nowhere else", () => {
  const cases: readonly (readonly [Uint8Array, number | undefined])[] = [
    [pyc(python311, [0, 1_700_000_000, 10]), 8],
    [pyc(python311, [3, 0x1234, 0x5678]), undefined],
    [pyc(python311, [1, 0x1234, 0x5678]), undefined],
    [pyc(python27, [1_700_000_000], "0123456789"), 4],
    [pyc(3379, [1_700_000_000, 10]), undefined],
    [pyc(python311, [0, 1], ""), undefined],
    [Buffer.from("not python, but long enough"), undefined],
    [new Uint8Array(), undefined],
  ];
  for (const [bytes, want] of cases)
    assert.equal(timeOffset(bytes), want, Buffer.from(bytes).toString("hex"));
});

function compiled(
  paths: Readonly<Record<string, Uint8Array>>,
  sources: readonly string[],
): ReadonlyMap<string, Buffer> {
  const texts = Object.fromEntries(sources.map((path) => [path, { text: "pass\n", mtimeSeconds: 1234 }]));
  const files = makeEntries(texts, contents.putText);
  const modules = Object.entries(paths).map(([path, bytes]) => {
    const { digest: content, sizeBytes } = contents.put(bytes);
    return { type: "file", path, mode: 0o644, uid: 0, gid: 0, mtimeSeconds: 0, content, sizeBytes } as Entry;
  });
  const after = makeTree([...files, ...modules]);
  const { tree } = applyRules({ before: files, after, contents, owners: new Map(), by: "packages" });
  const left = tree.filter((entry) => entry.type === "file" && entry.path.endsWith(".pyc"));
  return new Map(
    left.map((entry) => [
      entry.path,
      Buffer.from(contents.read("content" in entry ? entry.content : never())),
    ]),
  );
}

function never(): never {
  throw new Error("no file");
}

test("python-bytecode gives a module the time that its source has, so that Python takes it for valid", () => {
  const stamped = pyc(python311, [0, 1_790_000_000, 5]);
  const found = compiled(
    {
      "usr/lib/x/__pycache__/a.cpython-311.pyc": stamped,
      "usr/lib/x/__pycache__/a.cpython-311.opt-1.pyc": stamped,
      "usr/lib/x/old.pyc": pyc(python27, [1_790_000_000], "0123456789"),
      "usr/lib/x/__pycache__/gone.cpython-311.pyc": stamped,
      "usr/lib/x/__pycache__/b.cpython-311.pyc": pyc(python311, [3, 7, 8]),
    },
    ["usr/lib/x/a.py", "usr/lib/x/b.py", "usr/lib/x/old.py"],
  );
  const want = pyc(python311, [0, 1234, 5]);
  assert.deepEqual(found.get("usr/lib/x/__pycache__/a.cpython-311.pyc"), want);
  assert.deepEqual(found.get("usr/lib/x/__pycache__/a.cpython-311.opt-1.pyc"), want);
  assert.deepEqual(found.get("usr/lib/x/old.pyc"), pyc(python27, [1234], "0123456789"));
  assert.deepEqual(found.get("usr/lib/x/__pycache__/gone.cpython-311.pyc"), stamped);
  assert.deepEqual(found.get("usr/lib/x/__pycache__/b.cpython-311.pyc"), pyc(python311, [3, 7, 8]));
});
