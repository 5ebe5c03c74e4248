// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { gzipSync, zstdCompressSync } from "node:zlib";

import { digestOf, isAshlarError } from "../../base/index.ts";
import { archive, header, member, pax, paxRecord } from "../../formats/testing/tar-bytes.ts";
import { dumpTree } from "../../assemble/testing/make-package.ts";
import { memoryStore, type Store } from "../../store/index.ts";
import { sourceSeconds } from "./source-entries.ts";
import { unpackSource } from "./unpack-source.ts";

const dir = mkdtempSync(join(tmpdir(), "ashlar-source-"));
after(() => rmSync(dir, { recursive: true, force: true }));

async function unpack(store: Store, bytes: Uint8Array): Promise<string[]> {
  const path = join(dir, "archive");
  writeFileSync(path, bytes);
  const tree = store.readTree(
    await unpackSource(store, { name: "hello-1.0.tar", digest: digestOf(bytes), path }),
  );
  assert.ok(tree.every(({ mtimeSeconds }) => mtimeSeconds === sourceSeconds));
  const contents = { read: store.read.bind(store), put: store.put.bind(store) };
  return dumpTree(tree, contents);
}

const hello = archive(
  member({ name: "hello-1.0/", type: "5", mode: "0000700\0", uid: "0001750\0" }),
  member({ name: "hello-1.0/configure", mode: "0000775\0", mtime: "14000000000\0" }, "#!/bin/sh\n"),
  member({ name: "hello-1.0/a/b.c", mode: "0006600\0" }, "int x;\n"),
  header({ name: "hello-1.0/same", type: "1", linkName: "hello-1.0/configure" }),
  header({ name: "hello-1.0/link", type: "2", linkName: "../../etc/passwd" }),
);
const helloTree = [
  "/a dir 0755 0:0",
  '/a/b.c file 0644 0:0 "int x;\\n"',
  '/configure file 0755 0:0 "#!/bin/sh\\n"',
  "/link -> ../../etc/passwd",
  '/same file 0755 0:0 "#!/bin/sh\\n"',
];

test("unpackSource gives the same tree of a tar however it is compressed, and the top directory goes", async () => {
  const xz = spawnSync("xz", ["--stdout"], { input: hello }).stdout;
  for (const bytes of [hello, gzipSync(hello), zstdCompressSync(hello), xz]) {
    assert.deepEqual(await unpack(memoryStore(), bytes), helloTree);
  }
});

test("unpackSource keeps the directories of an archive with several at its top", async () => {
  const bytes = archive(member({ name: "a/x" }, "1"), member({ name: "b" }, "2"));
  const tree = ["/a dir 0755 0:0", '/a/x file 0644 0:0 "1"', '/b file 0644 0:0 "2"'];
  assert.deepEqual(await unpack(memoryStore(), bytes), tree);
});

test("unpackSource remembers an archive and then needs its file no more", async () => {
  const store = memoryStore();
  await unpack(store, hello);
  const gone = { name: "hello", digest: digestOf(hello), path: join(dir, "gone") };
  assert.equal(store.readTree(await unpackSource(store, gone)).length, helloTree.length);
});

const hostile: Readonly<Record<string, Uint8Array>> = {
  "an absolute name": archive(member({ name: "/etc/passwd" }, "x")),
  "a name that leaves": archive(member({ name: "a/../../x" }, "x")),
  "a file below a link": archive(
    header({ name: "a/d", type: "2", linkName: "/etc" }),
    member({ name: "a/d/passwd" }, "x"),
  ),
  "a link that takes a directory's place": archive(
    member({ name: "a/d/f" }, "x"),
    header({ name: "a/d", type: "2", linkName: "/etc" }),
  ),
  "a hard link to what is outside": archive(header({ name: "a/x", type: "1", linkName: "/etc/shadow" })),
  "a hard link to a link": archive(
    header({ name: "a/l", type: "2", linkName: "/etc/shadow" }),
    header({ name: "a/x", type: "1", linkName: "a/l" }),
  ),
  "a device": archive(header({ name: "a/null", type: "3", major: "0000001\0", minor: "0000003\0" })),
  "a fifo": archive(header({ name: "a/fifo", type: "6" })),
  "a path twice": archive(member({ name: "a/x" }, "1"), member({ name: "a/x" }, "2")),
  "a root that is a file": archive(member({ name: "." }, "1")),
  "no end": hello.subarray(0, 1024),
  "no tar": Buffer.alloc(2000, "text "),
  nothing: new Uint8Array(),
  "an extended header of another path": archive(
    pax(paxRecord("path", "/etc/x")),
    member({ name: "a/x" }, "1"),
  ),
  "a bomb": zstdCompressSync(archive(member({ name: "a/x" }, Buffer.alloc(64 << 20)))),
};

for (const [what, bytes] of Object.entries(hostile)) {
  test(`unpackSource refuses ${what}, and keeps nothing of it`, async () => {
    const store = memoryStore();
    await assert.rejects(
      unpack(store, bytes),
      (error) => isAshlarError(error, "BUILD_SOURCE_INVALID") && error.message.includes('"hello-1.0.tar"'),
    );
    assert.equal(store.stats().contents, 0);
  });
}

test("unpackSource says what to do with other formats", async () => {
  for (const [magic, tool] of [
    ["PK\u0003\u0004", "unzip"],
    ["BZh91AY", "bzip2"],
    ["LZIP\u0001", "lzip"],
  ] as const) {
    await assert.rejects(
      unpack(memoryStore(), Buffer.concat([Buffer.from(magic, "latin1"), Buffer.alloc(600)])),
      (error) => isAshlarError(error, "BUILD_SOURCE_FORMAT") && error.hint?.includes(tool) === true,
    );
  }
});
