// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import { AshlarError, isSystemError } from "./error.ts";

test("AshlarError shows credentials of addresses and headers in none of its texts", () => {
  const said = `got https://me:secret@mirror.example/x and Basic ${Buffer.from("me:secretsecret").toString("base64")}`;
  const bearer = "Bearer eyJhbGciOi.JIUzI1NiIsInR5cCI6.IkpXVCJ9_-";
  const error = new AshlarError("FETCH_X", said, { hint: said, because: [said, bearer] });
  const shown = "got https://***@mirror.example/x and Basic ***";
  assert.deepEqual([error.message, error.hint, ...error.because], [shown, shown, shown, "Bearer ***"]);
  const plain = 'Bearer realm="https://auth.example/token", basic authentication';
  assert.equal(new AshlarError("FETCH_X", plain).message, plain);
});

test("a quota that is used up is known by its number: Node has no name for it", () => {
  const code = "Unknown system error -122";
  const fault = Object.assign(new Error(code), { code, errno: -122 });
  assert.ok(isSystemError(fault, "ENOSPC", "EDQUOT"));
  assert.ok(!isSystemError(fault, "ENOSPC"));
  assert.ok(!isSystemError(new Error("x"), "EDQUOT"));
});

test("an error that Node's removal of trees has no name for is one of the disk", () => {
  const message = ", Unknown error: Read-only file system '/x'";
  const fault = Object.assign(new Error(message), { code: "", errno: -4094, syscall: "rm", path: "/x" });
  assert.ok(isSystemError(fault, "EIO"));
  assert.ok(!isSystemError(fault, "EROFS", ""));
});
