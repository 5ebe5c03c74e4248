// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import { isAshlarError } from "../base/index.ts";
import { fitsBinfmt, parseBinfmtEntry } from "./binfmt.ts";
import { probeProgram } from "./probe-program.ts";

/** As the kernel shows qemu-user-static's handlers of Debian. */
const arm64 = `enabled
interpreter /usr/libexec/qemu-binfmt/aarch64-binfmt-P
flags: PF
offset 0
magic 7f454c460201010000000000000000000200b700
mask ffffffffffffff00fffffffffffffffffeffffff
`;

test("parseBinfmtEntry reads handlers by magic, with and without mask, and by name", () => {
  const entry = parseBinfmtEntry(arm64);
  assert.equal(entry.interpreter, "/usr/libexec/qemu-binfmt/aarch64-binfmt-P");
  assert.deepEqual([entry.enabled, entry.fixed, entry.magic?.offset], [true, true, 0]);
  assert.equal(entry.magic?.bytes.length, 20);
  const bare = parseBinfmtEntry("disabled\ninterpreter /bin/a b\nflags: \noffset 2\nmagic ff00");
  assert.deepEqual([bare.enabled, bare.fixed, bare.interpreter], [false, false, "/bin/a b"]);
  assert.deepEqual([...(bare.magic?.mask ?? [])], [255, 255]);
  assert.equal(parseBinfmtEntry("enabled\ninterpreter /x\nflags: OC\nextension .py\n").magic, undefined);
});

test("fitsBinfmt takes programs and shared objects of the architecture, and no others", () => {
  const entry = parseBinfmtEntry(arm64);
  const program = Buffer.from(probeProgram("arm64") ?? []);
  assert.ok(fitsBinfmt(entry, program));
  program.writeUInt16LE(3, 16);
  assert.ok(fitsBinfmt(entry, program));
  program.writeUInt16LE(1, 16);
  assert.ok(!fitsBinfmt(entry, program), "an object file is not run");
  for (const other of ["amd64", "386", "arm", "s390x"])
    assert.ok(!fitsBinfmt(entry, probeProgram(other) ?? program));
  assert.ok(!fitsBinfmt(entry, program.subarray(0, 19)), "too short to say");
  const byName = parseBinfmtEntry("enabled\ninterpreter /x\nflags: \nextension .py\n");
  assert.ok(!fitsBinfmt(byName, program));
});

const refused: readonly (readonly [string, string])[] = [
  ["nothing", ""],
  ["another first line", "on\ninterpreter /x\n"],
  ["no interpreter", "enabled\nflags: F\n"],
  ["an interpreter that is not absolute", "enabled\ninterpreter qemu\n"],
  ["a magic that is not hexadecimal", "enabled\ninterpreter /x\nmagic zz\n"],
  ["half a byte", "enabled\ninterpreter /x\nmagic 7f4\n"],
  ["a magic without end", `enabled\ninterpreter /x\nmagic ${"00".repeat(257)}\n`],
  ["a mask of another length", "enabled\ninterpreter /x\nmagic 7f45\nmask ff\n"],
  ["an offset below zero", "enabled\ninterpreter /x\noffset -1\nmagic 7f45\n"],
  ["an offset that is no number of this size", "enabled\ninterpreter /x\noffset 99999999999\nmagic 7f45\n"],
  ["more than a page or four", `enabled\ninterpreter /${"x".repeat(20_000)}\n`],
];

for (const [title, text] of refused) {
  test(`parseBinfmtEntry refuses ${title}`, () => {
    assert.throws(
      () => parseBinfmtEntry(text),
      (error) => isAshlarError(error, "SANDBOX_BINFMT"),
    );
  });
}
