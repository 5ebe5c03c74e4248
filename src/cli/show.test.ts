// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import { AshlarError } from "../base/index.ts";
import { exitCodeOf } from "./exit-code.ts";
import { errorJson, renderError } from "./render-error.ts";
import { printable, showBytes, showTable } from "./show.ts";

test("printable lets no control character reach the terminal, and keeps letters of all scripts", () => {
  assert.equal(printable("a\u001b[31mb\r\n\u009b"), "a\\u001b[31mb\\u000d\\u000a\\u009b");
  assert.equal(printable("Főtanúsítvány 😀 \udc80"), "Főtanúsítvány 😀 \\udc80");
});

test("showBytes and showTable write sizes and columns as people read them", () => {
  assert.deepEqual([0, 999, 1000, 12_345_678].map(showBytes), ["0 B", "999 B", "1.0 kB", "12.3 MB"]);
  assert.equal(
    showTable([
      ["a", 1],
      ["long", 23],
    ]),
    "a      1\nlong  23\n",
  );
});

test("exitCodeOf gives each kind of error its documented code", () => {
  const codes: Record<string, number> = {
    SPEC_INVALID: 2,
    USAGE_SET: 2,
    LOCK_STALE: 3,
    LOCK_INVALID: 1,
    FETCH_SIGNATURE_BAD: 4,
    FETCH_DIGEST_MISMATCH: 4,
    STORE_CONTENT_DAMAGED: 4,
    OCI_BLOB_DIGEST: 4,
    OCI_BLOB_MISSING: 1,
    POLICY_SIZE: 5,
    FETCH_OFFLINE: 6,
    CHECK_DIFFERS: 7,
    INTERRUPTED: 130,
    ASSEMBLE_CLOSURE: 1,
  };
  for (const [code, exit] of Object.entries(codes))
    assert.equal(exitCodeOf(new AshlarError(code, "x")), exit, code);
  assert.equal(exitCodeOf(new Error("x")), 1);
});

test("renderError says what, where, because of what and the next command", () => {
  const where = { file: "ashlar.yaml", line: 3, column: 5, excerpt: "> 3 | x\n    | ^" };
  const error = new AshlarError("SPEC_INVALID", "Cannot use x", {
    where,
    because: ["one", "two"],
    hint: "do y",
  });
  const text = renderError(error, { colour: false, debug: false });
  assert.equal(
    text,
    "error[SPEC_INVALID]: Cannot use x\n  --> ashlar.yaml:3:5\n    > 3 | x\n        | ^\n" +
      "  because: one\n           two\n  help: do y\n",
  );
  assert.doesNotMatch(renderError(new Error("boom"), { colour: false, debug: false }), /at .*show\.test/);
});

test("errorJson keeps the faults of a document whole", () => {
  const fault = new AshlarError("SPEC_INVALID", "first");
  const value = errorJson(new AshlarError("SPEC_INVALID", "both", { details: { faults: [fault] } }));
  const { error } = value as { error: { details: { faults: { error: { message: string } }[] } } };
  assert.equal(error.details.faults[0]?.error.message, "first");
});
