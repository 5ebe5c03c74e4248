// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import { isAshlarError } from "../base/index.ts";
import { readTar } from "./testing/read-tar.ts";
import { archive, header, member, pax, paxRecord } from "./testing/tar-bytes.ts";

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

test("TarParser lets pax values override the header, within bounds", () => {
  const { entry } = only(
    archive(
      pax(
        paxRecord("path", "p"),
        paxRecord("size", "3"),
        paxRecord("uid", "4294967294"),
        paxRecord("gid", "70000"),
        paxRecord("mtime", "-1.5"),
        paxRecord("comment", "x"),
        paxRecord("uname", "root"),
      ),
      Buffer.concat([header({ size: 0 }), Buffer.from("abc"), Buffer.alloc(509)]),
    ),
  );
  assert.deepEqual(
    [entry.name, entry.sizeBytes, entry.uid, entry.gid, entry.mtimeSeconds],
    ["p", 3, 4294967294, 70000, -2],
  );
  const device = only(archive(pax(paxRecord("SCHILY.devmajor", "5000000")), member({ type: "3" }))).entry;
  assert.equal(device.major, 5_000_000);
  refused("FORMATS_TAR_SIZE", archive(pax(paxRecord("size", "-1")), member({})), "negative");
  refused("FORMATS_TAR_NUMBER", archive(pax(paxRecord("size", "9223372036854775808")), member({})), "2^63");
  for (const value of ["NaN", "1e3", "0x10", " 1", "1 ", "Infinity", "9".repeat(40), "9".repeat(5000)]) {
    refused("FORMATS_TAR_NUMBER", archive(pax(paxRecord("mtime", value)), member({})), value.slice(0, 9));
  }
});

test("TarParser takes a pax value back when it is empty, and the last of several", () => {
  const { entry } = only(
    archive(
      pax(paxRecord("path", "a"), paxRecord("path", "b"), paxRecord("uid", "5"), paxRecord("uid", "")),
      member({}),
    ),
  );
  assert.deepEqual([entry.name, entry.uid], ["b", 0]);
});

test("TarParser applies global headers to all members behind them", () => {
  const global = member({ type: "g" }, Buffer.concat([paxRecord("comment", "abc"), paxRecord("gid", "9")]));
  const members = readTar(
    archive(member({ name: "a" }), global, member({ name: "b" }), pax(paxRecord("gid", "")), member({ name: "c" })),
  );
  assert.deepEqual(
    members.map(({ entry }) => entry.gid),
    [0, 9, 0],
  );
  for (const key of ["path", "linkpath", "size", "SCHILY.xattr.user.a"]) {
    refused("FORMATS_TAR_PAX", archive(member({ type: "g" }, paxRecord(key, "1")), member({})), `global ${key}`);
  }
});

test("TarParser refuses malformed pax records", () => {
  for (const text of [
    "5 a=",
    "x a=b\n",
    "6 a=bc\n",
    "4 a=b\n",
    "99999 a=b\n",
    "-6 a=b\n",
    "5 =b\n",
    "5 abc\n",
    "0 a=b\n",
    "2 \n",
    "123456789 a=b\n",
    "\0",
  ]) {
    refused("FORMATS_TAR_PAX", archive(member({ type: "x" }, text), member({})), JSON.stringify(text));
  }
  refused("FORMATS_TAR_PAX", archive(pax(paxRecord("SCHILY.xattr.", "x")), member({})), "attribute without name");
  refused("FORMATS_TAR_NAME", archive(pax(paxRecord("path", "a\0b")), member({})), "NUL in path");
  refused("FORMATS_TAR_NAME", archive(pax(paxRecord("linkpath", "a\0b")), member({ type: "2" })), "NUL in linkpath");
});

test("TarParser takes a pax header of a hundred thousand records in bounded time", () => {
  const record = paxRecord("a", "b");
  const many = Buffer.concat(Array.from({ length: 100_000 }, () => record));
  assert.equal(readTar(archive(member({ type: "x" }, many), member({}))).length, 1);
});

test("TarParser keeps an attribute called __proto__ as an attribute", () => {
  const { entry } = only(archive(pax(paxRecord("SCHILY.xattr.__proto__", "x")), member({})));
  assert.deepEqual(Object.keys(entry.xattrs ?? {}), ["__proto__"]);
  assert.equal(Object.getPrototypeOf(entry.xattrs), Object.prototype);
});
