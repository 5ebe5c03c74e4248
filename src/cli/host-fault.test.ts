// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { openSync, writeSync } from "node:fs";
import { test } from "node:test";

import { AshlarError } from "../base/index.ts";
import { hostFault } from "./host-fault.ts";

function thrownBy(step: () => void): Error {
  try {
    step();
  } catch (error) {
    return error as Error;
  }
  throw new Error("it did not throw");
}

test("what the operating system refuses is told as one of ours, with the file and the reason", () => {
  const full = thrownBy(() => void writeSync(openSync("/dev/full", "w"), "x"));
  assert.match(String(hostFault(full)), /^AshlarError: Cannot write a file: no space left on device \(ENOSPC\)$/);
  const denied = Object.assign(new Error("EACCES: permission denied, scandir '/x'"), {
    code: "EACCES", syscall: "scandir", path: "/x",
  });
  const fault = hostFault(denied) as AshlarError;
  assert.deepEqual([fault.code, fault.message], ["HOST_ACCESS", 'Cannot list "/x": permission denied (EACCES)']);
});

test("a name that is not there, a bad number and all other errors stay faults of ours", () => {
  for (const error of [
    thrownBy(() => void openSync("/nowhere/at/all", "r")),
    thrownBy(() => void writeSync(999_999, "x")),
    new Error("internal error: x"),
    new AshlarError("STORE_IO", "x"),
    undefined,
  ]) {
    assert.equal(hostFault(error), error);
  }
});
