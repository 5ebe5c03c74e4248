// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import { applyMode } from "./mode.ts";

/** Checked against chmod(1) of coreutils 9.1, for a file and for a directory. */
const cases: readonly (readonly [string, number, number, number])[] = [
  ["0644", 0o755, 0o644, 0o644],
  ["4755", 0o644, 0o4755, 0o4755],
  ["a=rX", 0o644, 0o444, 0o555],
  ["a=rX", 0o755, 0o555, 0o555],
  ["u+x", 0o644, 0o744, 0o744],
  ["u=rwX,go=rX", 0o755, 0o755, 0o755],
  ["go-w,+t", 0o666, 0o1644, 0o1644],
  ["g+s", 0o755, 0o2755, 0o2755],
  ["u=rw-w", 0o644, 0o444, 0o444],
  ["o=", 0o755, 0o750, 0o750],
  ["ug+s,u-s", 0o755, 0o2755, 0o2755],
];
for (const [text, base, file, directory] of cases) {
  test(`applyMode applies "${text}" to ${base.toString(8)}`, () => {
    assert.equal(applyMode(text, base, { isDirectory: false }).toString(8), file.toString(8));
    assert.equal(applyMode(text, base, { isDirectory: true }).toString(8), directory.toString(8));
  });
}

for (const text of ["", "0888", "99", "rw-r--r--", "a=rx=q", "u=g", "07777777"]) {
  test(`applyMode refuses "${text}"`, () => {
    assert.throws(() => applyMode(text, 0o644, { isDirectory: false }), { code: "ASSEMBLE_MODE_INVALID" });
  });
}
