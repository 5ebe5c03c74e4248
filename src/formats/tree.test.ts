// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import { canonicalJson, comparePaths, emptyDigest, isAshlarError, type Json, parsePath } from "../base/index.ts";
import { anyEntry } from "./testing/any-entry.ts";
import { encodeTree, type Entry, makeTree, parseTree } from "./tree.ts";

const dir: Entry = { type: "dir", path: parsePath("etc"), mode: 0o755, uid: 0, gid: 0, mtimeSeconds: 0 };
const file: Entry = { ...dir, type: "file", path: parsePath("etc/x"), mode: 0o644, sizeBytes: 0, content: emptyDigest };
const head = '{"ashlar":"tree/v1"}\n';
const dirLine = '{"gid":0,"mode":493,"mtimeSeconds":0,"path":"etc","type":"dir","uid":0}';

const anyTree = fc
  .uniqueArray(anyEntry({ sizeBytesMax: Number.MAX_SAFE_INTEGER }), { selector: (entry) => entry.path, maxLength: 20 })
  .map(makeTree);

function refused(text: string | Uint8Array): void {
  assert.throws(
    () => parseTree(Buffer.from(text)),
    (error) => isAshlarError(error) && ["TREE_INVALID", "PATH_INVALID", "DIGEST_INVALID"].includes(error.code),
    Buffer.from(text).toString(),
  );
}

test("encodeTree writes the lines of docs/formats/tree.md", () => {
  const shared = `"gid":0,"mode":420,"mtimeSeconds":0,"path":"etc/x"`;
  const fileLine = `{"content":"${emptyDigest}",${shared},"sizeBytes":0,"type":"file","uid":0}`;
  assert.equal(Buffer.from(encodeTree(makeTree([file, dir]))).toString(), `${head}${dirLine}\n${fileLine}\n`);
  assert.equal(Buffer.from(encodeTree([])).toString(), head);
});

test("encodeTree writes canonical JSON, and parseTree gives the tree back", () => {
  fc.assert(
    fc.property(anyTree, (tree) => {
      const bytes = encodeTree(tree);
      assert.deepEqual(parseTree(bytes), tree);
      const lines = tree.map((entry) => canonicalJson(entry as unknown as Json));
      assert.equal(Buffer.from(bytes).toString(), [head.trim(), ...lines, ""].join("\n"));
    }),
    { numRuns: 200 },
  );
});

test("encodeTree is independent of the order of keys and attributes", () => {
  const one: Entry = { ...dir, xattrs: { "user.a": "AA==", "user.b": "" } };
  const two = Object.fromEntries(
    Object.entries({ ...dir, xattrs: { "user.b": "", "user.a": "AA==" } }).reverse(),
  ) as unknown as Entry;
  assert.deepEqual(encodeTree([one]), encodeTree([two]));
  assert.deepEqual(encodeTree([{ ...dir, xattrs: {} }]), encodeTree([dir]), "an empty map of attributes is none");
});

test("makeTree orders by the bytes of paths and refuses a path twice", () => {
  const paths = ["b", "a/b", "a", "a.b", "\u{1f600}", "\uffee", "\udcff", "a/b/c"].map(parsePath);
  const tree = makeTree(paths.map((path) => ({ ...dir, path })));
  assert.deepEqual(
    tree.map((entry) => entry.path),
    [...paths].sort(comparePaths),
  );
  assert.deepEqual(tree.map((entry) => entry.path).slice(0, 4), ["a", "a.b", "a/b", "a/b/c"]);
  assert.throws(
    () => makeTree([dir, file, dir]),
    (error) => isAshlarError(error, "TREE_DUPLICATE"),
  );
});

test("parseTree refuses everything that encodeTree does not write", () => {
  parseTree(Buffer.from(`${head}${dirLine}\n`));
  const lines = [
    dirLine.replace('"gid":0,', ""),
    dirLine.replace('"gid":0,"mode":493', '"mode":493,"gid":0'),
    dirLine.replace("493", "493.0"),
    dirLine.replace("493", "4096"),
    dirLine.replace("493", "-1"),
    dirLine.replace('"uid":0', '"uid":0,"zzz":1'),
    dirLine.replace('"uid":0', '"uid":0,"uid":0'),
    dirLine.replace('"uid":0', '"uid":9007199254740993'),
    dirLine.replace('"uid":0', '"uid":4294967295'),
    dirLine.replace('"mtimeSeconds":0', '"mtimeSeconds":null'),
    dirLine.replace('"mtimeSeconds":0', '"mtimeSeconds":1e400'),
    dirLine.replace('"dir"', '"socket"'),
    dirLine.replace('"dir"', '"constructor"'),
    dirLine.replace('"etc"', '"/etc"'),
    dirLine.replace('"etc"', '"etc/"'),
    dirLine.replace('"etc"', '"../etc"'),
    dirLine.replace('"etc"', '"e\\u0074c"'),
    dirLine.replace('"uid":0', '"uid":0,"xattrs":{}'),
    dirLine.replace('"uid":0', '"uid":0,"xattrs":["AA=="]'),
    dirLine.replace('"uid":0', '"uid":0,"xattrs":{"user.a":"A"}'),
    dirLine.replace('"uid":0', '"uid":0,"xattrs":{"":"AA=="}'),
    dirLine.replace('"uid":0', '"uid":0,"__proto__":{}'),
    dirLine.replace('"type":"dir"', '"target":"x","type":"dir"'),
    dirLine.replace('"type":"dir"', '"target":"","type":"symlink"'),
    dirLine.replace('"type":"dir"', '"target":"a\\u0000","type":"symlink"'),
    dirLine.replace('"type":"dir"', '"target":"/abs","type":"hardlink"'),
    dirLine.replace('"type":"dir"', '"type":"char"'),
    ` ${dirLine}`,
    "null",
    "[]",
    "1",
    "{",
    "",
  ];
  for (const line of lines) refused(`${head}${line}\n`);
});

test("parseTree refuses wrong frames around right lines", () => {
  refused("");
  refused(dirLine);
  refused(`${head}${dirLine}`);
  refused(head.replace("v1", "v2"));
  refused(`${head}${dirLine}\n${dirLine}\n`);
  refused(`${head}${dirLine.replace("etc", "f")}\n${dirLine}\n`);
  refused(`${head}${dirLine}\r\n`);
  refused(Buffer.from(`${head}${dirLine.replace("etc", "\xff")}\n`, "latin1"));
  parseTree(Buffer.from(`${head}${dirLine.replace("etc", "\ufffd")}\n`));
  refused(`\ufeff${head}${dirLine}\n`);
});
