// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import { isAshlarError, limits, parseEntryName } from "../base/index.ts";
import { readTar } from "./testing/read-tar.ts";
import { archive, base256, header, member, pax, paxRecord } from "./testing/tar-bytes.ts";

function refused(code: string, bytes: Uint8Array, what: string): void {
  assert.throws(
    () => readTar(bytes),
    (error) => isAshlarError(error, code),
    what,
  );
}

function only(bytes: Uint8Array): ReturnType<typeof readTar>[0] {
  const members = readTar(bytes);
  assert.equal(members.length, 1);
  return members[0] as ReturnType<typeof readTar>[0];
}

test("TarParser gives every field of a ustar member, prefix joined", () => {
  const { entry, content } = only(
    archive(
      member(
        { name: "b/c", prefix: "a", mode: "0104755\0", uid: "0001750\0", gid: "     7 \0", mtime: "14000000000\0" },
        "hello",
      ),
    ),
  );
  assert.deepEqual(entry, {
    name: "a/b/c",
    type: "file",
    mode: 0o4755,
    uid: 1000,
    gid: 7,
    mtimeSeconds: 0o14000000000,
    sizeBytes: 5,
    linkName: "",
    major: 0,
    minor: 0,
  });
  assert.equal(content.toString(), "hello");
});

test("TarParser gives the same however the bytes are cut", () => {
  const bytes = archive(
    pax(paxRecord("path", "x".repeat(300)), paxRecord("SCHILY.xattr.user.a", Buffer.from([0, 10, 61]))),
    member({}, "z".repeat(1300)),
    member({ type: "5", name: "dir/" }),
    member({ type: "L", name: "././@LongLink" }, `${"y".repeat(200)}\0`),
    member({ type: "K", name: "././@LongLink" }, `${"t".repeat(150)}\0`),
    member({ type: "2", magic: "ustar  \0" }),
  );
  const whole = readTar(bytes);
  assert.equal(whole[0]?.entry.name.length, 300);
  assert.deepEqual(whole[0]?.entry.xattrs, { "user.a": Buffer.from([0, 10, 61]).toString("base64") });
  assert.equal(whole[2]?.entry.name, "y".repeat(200));
  assert.equal(whole[2]?.entry.linkName, "t".repeat(150));
  for (const pieceBytes of [1, 7, 511, 512, 513, 4096]) assert.deepEqual(readTar(bytes, { pieceBytes }), whole);
});

test("TarParser reads all types, devices with their numbers, and version 7 directories", () => {
  const members = readTar(
    archive(
      member({ type: "\0", name: "v7", magic: "" }, "x"),
      member({ type: "\0", name: "v7dir/", magic: "" }),
      member({ type: "1", name: "hard", linkName: "v7" }),
      member({ type: "2", name: "soft", linkName: "../anything/./ at all" }),
      member({ type: "3", name: "null", major: "0000001\0", minor: "0000003\0" }),
      member({ type: "4", name: "sda", major: "0000010\0", minor: "0000000\0" }),
      member({ type: "6", name: "pipe", major: "0000001\0" }),
    ),
  );
  const seen = members.map(({ entry }) => [entry.name, entry.type, entry.linkName, entry.major, entry.minor].join(" "));
  assert.deepEqual(seen, [
    "v7 file  0 0",
    "v7dir/ dir  0 0",
    "hard hardlink v7 0 0",
    "soft symlink ../anything/./ at all 0 0",
    "null char  1 3",
    "sda block  8 0",
    "pipe fifo  0 0",
  ]);
});

test("TarParser reads base-256 numbers and refuses what is negative or too large", () => {
  const big = only(archive(member({ uid: base256(3_000_000n, 8), mtime: base256(-5n, 12) }))).entry;
  assert.deepEqual([big.uid, big.mtimeSeconds], [3_000_000, -5]);
  refused("FORMATS_TAR_SIZE", archive(header({ size: base256(-1n, 12) })), "size -1");
  refused("FORMATS_TAR_NUMBER", archive(header({ size: base256((1n << 63n) - 1n, 12) })), "size 8 EiB");
  refused("FORMATS_TAR_NUMBER", archive(header({ uid: base256(-1n, 8) })), "uid -1");
  refused("FORMATS_TAR_NUMBER", archive(header({ uid: base256(2n ** 32n - 1n, 8) })), "uid (uid_t)-1");
  refused("FORMATS_TAR_NUMBER", archive(header({ mtime: base256(1n << 70n, 12) })), "mtime 2^70");
  refused("FORMATS_TAR_NUMBER", archive(header({ size: "0000000000x\0" })), "no digit");
  refused("FORMATS_TAR_NUMBER", archive(header({ mode: "-000644\0" })), "minus");
});

test("TarParser refuses sparse files in all their forms", () => {
  refused("FORMATS_TAR_SPARSE", archive(member({ type: "S", magic: "ustar  \0" }, "x")), "GNU");
  for (const key of ["GNU.sparse.map", "GNU.sparse.major", "GNU.sparse.name", "GNU.sparse.size"]) {
    refused("FORMATS_TAR_SPARSE", archive(pax(paxRecord(key, "1")), member({})), key);
  }
});

test("TarParser refuses types that are not ours", () => {
  for (const type of ["7", "8", "V", "M", "D", "N", "A", "X", "Z", "s", "\x01", "\xff"]) {
    refused("FORMATS_TAR_TYPE", archive(member({ type })), JSON.stringify(type));
  }
});

test("TarParser refuses what readers understand differently", () => {
  refused("FORMATS_TAR_NAME", archive(member({ name: "" })), "empty name");
  refused("FORMATS_TAR_NAME", archive(member({ name: "file/" })), "slash behind a file");
  refused("FORMATS_TAR_NAME", archive(member({ name: "l/", type: "2", linkName: "x" })), "slash behind a link");
  refused("FORMATS_TAR_NAME", archive(member({ name: "l", type: "2" })), "link without a target");
  refused("FORMATS_TAR_SIZE", archive(member({ name: "d/", type: "5" }, "x")), "directory with data");
  refused("FORMATS_TAR_SIZE", archive(member({ name: "l", type: "1", linkName: "x" }, "x")), "link with data");
  const long = member({ type: "L" }, "a\0");
  refused("FORMATS_TAR_PAX", archive(long, long, member({})), "two L");
  refused("FORMATS_TAR_PAX", archive(pax(), pax(), member({})), "two x");
  refused("FORMATS_TAR_PAX", archive(long, pax(paxRecord("path", "b")), member({})), "L and x");
  refused("FORMATS_TAR_NAME", archive(member({ type: "L" }, "\0"), member({})), "empty long name");
});

test("TarParser bounds extended headers and the number of entries", () => {
  const over = limits.paxHeaderBytesMax + 1;
  for (const type of ["x", "g", "L", "K"]) {
    assert.throws(
      () => readTar(header({ type, size: over })),
      (error) => isAshlarError(error, "FORMATS_TAR_LIMIT"),
      type,
    );
    assert.throws(
      () => readTar(header({ type, size: base256(2n ** 50n, 12) })),
      (error) => isAshlarError(error, "FORMATS_TAR_LIMIT"),
    );
  }
  const three = archive(member({ name: "a" }), member({ name: "b" }), member({ name: "c" }));
  assert.equal(readTar(three, { entryCountMax: 3 }).length, 3);
  assert.throws(
    () => readTar(three, { entryCountMax: 2 }),
    (error) => isAshlarError(error, "FORMATS_TAR_LIMIT"),
  );
  const globals = archive(...Array.from({ length: 5 }, () => member({ type: "g" }, paxRecord("comment", "x"))));
  assert.throws(
    () => readTar(globals, { entryCountMax: 4 }),
    (error) => isAshlarError(error, "FORMATS_TAR_LIMIT"),
  );
});

test("TarParser proves check sums, unsigned or signed", () => {
  refused("FORMATS_TAR_CHECKSUM", archive(header({ checksum: "0000000\0" })), "wrong");
  refused("FORMATS_TAR_CHECKSUM", archive(Buffer.alloc(512, 1)), "noise");
  refused("FORMATS_TAR_CHECKSUM", archive(header({ checksum: "00x\0\0\0\0\0" })), "no number");
  const block = header({ name: Buffer.from("\xe4", "latin1") });
  const signed = block.reduce((sum, byte, i) => sum + (i >= 148 && i < 156 ? 0x20 : (byte << 24) >> 24), 0);
  const { entry } = only(
    archive(header({ name: Buffer.from("\xe4", "latin1"), checksum: `${signed.toString(8).padStart(6, "0")}\0 ` })),
  );
  assert.equal(entry.name, "\udce4");
});

test("TarParser refuses an archive that is cut anywhere", () => {
  const bytes = archive(pax(paxRecord("path", "long")), member({}, "content"), member({ name: "b", type: "5" }));
  for (let length = 0; length < bytes.length; length += 37) {
    refused("FORMATS_TAR_TRUNCATED", bytes.subarray(0, length), `cut at ${length}`);
  }
  refused("FORMATS_TAR_TRUNCATED", bytes.subarray(0, bytes.length - 512), "one zero block only");
  refused("FORMATS_TAR_TRUNCATED", archive(pax(paxRecord("path", "x"))), "header without its member");
  refused("FORMATS_TAR_TRUNCATED", archive(member({ type: "L" }, "x\0")), "long name without its member");
});

test("TarParser allows nothing but zeros behind the end mark", () => {
  const bytes = archive(member({}));
  assert.equal(readTar(Buffer.concat([bytes, Buffer.alloc(9000)])).length, 1);
  refused("FORMATS_TAR_TRAILING", Buffer.concat([bytes, Buffer.from("x")]), "a byte");
  refused("FORMATS_TAR_TRAILING", Buffer.concat([bytes, Buffer.alloc(700), member({})]), "a member");
  refused(
    "FORMATS_TAR_TRAILING",
    Buffer.concat([member({}), Buffer.alloc(512), archive(member({}))]),
    "a lone zero block",
  );
});

test("TarParser hands out hostile names as they are, and parseEntryName refuses them", () => {
  const hostile = [
    "/etc/passwd",
    "../x",
    "a/../../b",
    "a/./b",
    "a//b",
    "a/..",
    "..",
    `${"d/".repeat(300)}x`,
    "n".repeat(256),
    `${"e/".repeat(2100)}`,
  ];
  for (const name of hostile) {
    const bytes = archive(pax(paxRecord("path", name)), member({ type: name.endsWith("/") ? "5" : "0" }));
    assert.equal(only(bytes).entry.name, name);
    assert.throws(
      () => parseEntryName(name),
      (error) => isAshlarError(error, "PATH_INVALID"),
      name.slice(0, 20),
    );
  }
});

test("TarParser keeps names apart that differ in case, normal form or invalid bytes", () => {
  const names = ["A", "a", "\u00e4", "a\u0308", "a\\b", "bad\udcff"];
  const bytes = archive(
    ...names.map((name) => member({ name: name === "bad\udcff" ? Buffer.from("bad\xff", "latin1") : name })),
  );
  assert.deepEqual(
    readTar(bytes).map(({ entry }) => entry.name),
    names,
  );
});
