// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import type { AshlarError } from "../../base/index.ts";
import { parseControl } from "../control.ts";
import { pick, solveIn } from "./small-universe.ts";

const universe = `
  app; Depends: lib (>= 1), mta | none
  lib 2; Provides: old-api
  newer; Depends: lib (>= 2)
  user; Depends: old-api
  mta
  exim; Provides: mta; Conflicts: mta
  hater; Conflicts: lib
  friend; Depends: base-only`;

const has = (...lines: readonly string[]): { installed: ReturnType<typeof parseControl> } => {
  const stanza = (line: string): string => {
    const [name, version = "1", ...more] = line.split(" ");
    const status = "Status: install ok installed\nArchitecture: amd64";
    return `Package: ${name}\n${status}\nVersion: ${version}\n${more.join(" ")}`;
  };
  return { installed: parseControl(lines.map(stanza).join("\n\n")) };
};

function refused(packages: readonly string[], more: ReturnType<typeof has>): AshlarError {
  try {
    solveIn(universe, packages, more);
  } catch (error) {
    assert.equal((error as AshlarError).code, "SOLVER_IMPOSSIBLE", String(error));
    return error as AshlarError;
  }
  throw new assert.AssertionError({ message: "solved" });
}

test("solve takes what is installed for given and does not list it", () => {
  assert.deepEqual(pick(universe, ["app"], has("lib 1.5")), ["app=1", "mta=1"]);
  assert.deepEqual(pick(universe, ["app"], has("lib 1.5", "exim 1 Provides: mta")), ["app=1"]);
  assert.deepEqual(pick(universe, ["friend"], has("base-only")), ["friend=1"]);
  assert.deepEqual(pick(universe, ["lib"], has("lib 1.5")), []);
});

test("solve keeps installed packages at their version", () => {
  const newer = refused(["newer"], has("lib 1.5"));
  assert.match(newer.message, /^Cannot resolve "lib \(>= 2\)": the base has 1\.5$/);
  assert.match(refused(["lib (>= 2)"], has("lib 1.5")).message, /the base has 1\.5/);
  assert.match(
    refused(["user"], has("lib 1.5")).message,
    /old-api/,
    "what another version provides is not there",
  );
});

test("solve refuses what excludes an installed package, and what one excludes", () => {
  assert.match(refused(["hater"], has("lib 1.5")).message, /hater 1 conflicts with "lib"/);
  assert.match(refused(["mta"], has("exim 1 Conflicts: mta")).message, /exim 1 conflicts with "mta"/);
});

test("solve lets installed packages lack what they need and exclude each other", () => {
  const broken = has("lib 1 Conflicts: mta", "mta 1 Depends: nowhere");
  assert.deepEqual(pick(universe, ["app"], broken), ["app=1"]);
});

test("solve takes one of two packages that are installed under one name", () => {
  assert.deepEqual(pick(universe, ["app"], has("lib 1", "lib 3", "mta")), ["app=1"]);
});
