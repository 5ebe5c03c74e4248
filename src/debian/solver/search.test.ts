// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import { AshlarError } from "../../base/index.ts";
import { indexOf, shown } from "./small-universe.ts";
import { solve } from "./solve.ts";
import { Universe, type Version } from "./universe.ts";
import { faultsOf } from "./verify-chosen.ts";

const names = ["a", "b", "c", "d", "e", "f"];
const virtual = ["v", "w"];

const relation = fc
  .tuple(fc.constantFrom(...names, ...virtual), fc.constantFrom("", "", " (>= 2)", " (<< 2)", " (= 2)"))
  .map(([name, version]) => name + version);
const group = fc.array(relation, { minLength: 1, maxLength: 3 }).map((list) => list.join(" | "));
const field = (name: string, item: fc.Arbitrary<string>, maxLength: number): fc.Arbitrary<string> =>
  fc.array(item, { maxLength }).map((list) => (list.length === 0 ? "" : `; ${name}: ${list.join(", ")}`));
const provided = fc.tuple(fc.constantFrom(...virtual), fc.constantFrom("", " (= 2)")).map((parts) => parts.join(""));

const line = fc
  .tuple(
    fc.constantFrom(...names),
    fc.constantFrom("1", "2"),
    field("Depends", group, 3),
    field("Conflicts", relation, 1),
    field("Breaks", relation, 1),
    field("Provides", provided, 1),
  )
  .map(([name, version, ...fields]) => ({ key: `${name} ${version}`, text: `${name} ${version}${fields.join("")}` }));

const universes = fc.uniqueArray(line, { selector: ({ key }) => key, minLength: 3, maxLength: 9 });
const requests = fc.uniqueArray(fc.constantFrom("a", "b", "c | v", "d (>= 2)", "e"), { minLength: 1, maxLength: 3 });

interface Case {
  readonly text: string;
  readonly packages: readonly string[];
}

const cases: fc.Arbitrary<Case> = fc
  .tuple(universes, requests)
  .map(([lines, packages]) => ({ text: lines.map(({ text }) => text).join("\n"), packages }));

function outcome({ text, packages }: Case): string[] | AshlarError {
  try {
    return shown(solve({ indexes: [indexOf(text)], packages, base: "none", architecture: "amd64" }));
  } catch (error) {
    // anything else is a broken invariant: an invalid result, or a contradiction nobody can explain
    if (error instanceof AshlarError) return error;
    throw error;
  }
}

/** Tries every subset of the universe. */
function isSolvable({ text, packages }: Case): boolean {
  const index = indexOf(`${text}\nroot; Depends: ${packages.join(", ")}`);
  const universe = new Universe({ indexes: [index], native: "amd64", foreign: [], reorder: (list) => list });
  const root = universe.version(index.named("root")[0] as (typeof index.packages)[number]);
  const all = index.packages.map((item) => universe.version(item)).filter((version) => version !== root);
  for (let bits = 0; bits < 2 ** all.length; bits++) {
    const chosen: Version[] = [root, ...all.filter((_, at) => (bits >> at) & 1)];
    if (faultsOf(universe, chosen, []).length === 0) return true;
  }
  return false;
}

test("solve finds a solution exactly where trying every subset finds one", () => {
  let solvable = 0;
  fc.assert(
    fc.property(cases, (item) => {
      const result = outcome(item);
      // a virtual name with several providers is refused on purpose: no case asks for one alone
      const expected = isSolvable(item);
      if (expected) solvable++;
      assert.equal(Array.isArray(result), expected, item.text);
    }),
    { numRuns: 400, seed: 11 },
  );
  assert.ok(solvable > 50 && solvable < 350, `${solvable} of 400 cases can be solved`);
});

test("solve explains every refusal with a chain from the spec, and names what it looked at", () => {
  fc.assert(
    fc.property(cases, (item) => {
      const result = outcome(item);
      if (Array.isArray(result)) return;
      assert.equal(result.code, "SOLVER_IMPOSSIBLE");
      assert.match(result.message, /^Cannot resolve "/);
      assert.ok(result.hint !== undefined);
      assert.ok(Array.isArray(result.details["lookedAt"]));
      const [first] = result.because;
      if (first !== undefined) assert.match(first, /^the spec asks for "/);
    }),
    { numRuns: 400, seed: 12 },
  );
});

test("solve gives the same result whatever the order of the index", () => {
  const shuffled = cases.chain((item) => {
    const lines = item.text.split("\n");
    const order = fc.shuffledSubarray(lines, { minLength: lines.length, maxLength: lines.length });
    return order.map((list) => [item, { ...item, text: list.join("\n") }] as const);
  });
  fc.assert(
    fc.property(shuffled, ([one, two]) => {
      const [a, b] = [outcome(one), outcome(two)];
      assert.deepEqual(Array.isArray(a) ? a : a.message, Array.isArray(b) ? b : b.message);
    }),
    { numRuns: 300, seed: 13 },
  );
});
