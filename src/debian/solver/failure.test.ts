// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import { AshlarError } from "../../base/index.ts";
import { pick, solveIn } from "./small-universe.ts";

function failure(universe: string, packages: readonly string[], more = {}): AshlarError {
  try {
    solveIn(universe, packages, more);
  } catch (error) {
    assert.ok(error instanceof AshlarError, String(error));
    return error;
  }
  throw new Error("it was solved");
}

test("solve names an unknown package's neighbours", () => {
  const error = failure("nginx\nnginx-light\npython3", ["ngnix"]);
  assert.equal(error.code, "SOLVER_IMPOSSIBLE");
  assert.equal(error.message, 'Cannot resolve "ngnix": suite has no package "ngnix"');
  assert.equal(error.hint, 'did you mean "nginx"?');
});

test("solve lists the providers of a virtual package", () => {
  const error = failure("mail-a; Provides: mta\nmail-b; Provides: mta", ["mta"]);
  assert.equal(error.message, 'Cannot resolve "mta": it is virtual, want one of "mail-a", "mail-b"');
  assert.deepEqual(pick("mail-a; Provides: mta", ["mta"]), ["mail-a=1"]);
});

test("solve explains a missing version as a chain from the spec", () => {
  const universe = `
    myapp; Depends: libbar1
    libbar1 3; Depends: libfoo2 (>= 2.1)
    libfoo2 2.0-3`;
  const error = failure(universe, ["myapp"]);
  assert.equal(error.message, 'Cannot resolve "libfoo2 (>= 2.1)": suite has 2.0-3');
  assert.deepEqual(error.because, [
    'the spec asks for "myapp"',
    'myapp 1 depends on "libbar1"',
    'libbar1 3 depends on "libfoo2 (>= 2.1)"',
  ]);
  assert.deepEqual(error.details["lookedAt"], [
    {
      name: "libfoo2",
      version: "2.0-3",
      architecture: "amd64",
      source: "suite",
      because: "its version is not libfoo2 (>= 2.1)",
    },
  ]);
});

test("solve explains two packages that exclude each other", () => {
  const universe = `
    one; Depends: mail-a
    two; Depends: mail-b
    mail-a; Provides: mta; Conflicts: mta
    mail-b; Provides: mta`;
  const error = failure(universe, ["one", "two"]);
  assert.equal(
    error.message,
    'Cannot resolve "one" and "two": mail-a 1 conflicts with "mta", which mail-b 1 provides',
  );
  assert.deepEqual(error.because, [
    'the spec asks for "one"',
    'one 1 depends on "mail-a"',
    'the spec asks for "two"',
    'two 1 depends on "mail-b"',
    'mail-a 1 conflicts with "mta", which mail-b 1 provides',
  ]);
});

test("solve refuses text that is not one relation", () => {
  for (const text of ["", "a, b"]) {
    assert.throws(() => pick("a\nb", [text]), { code: "SOLVER_REQUEST_INVALID" });
  }
});
