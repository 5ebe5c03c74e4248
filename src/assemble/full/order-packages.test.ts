// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import { makePackage, memoryContents } from "../testing/make-package.ts";
import { type DescribedPackage, describePackage } from "./describe-package.ts";
import { dependenciesOf, orderPackages, withDependencies } from "./order-packages.ts";
import { planWaves } from "./plan-waves.ts";

const contents = memoryContents();

function item(name: string, fields: Readonly<Record<string, string>> = {}, control = {}): DescribedPackage {
  const { Version: version = "1.0", ...rest } = fields;
  return describePackage(makePackage(name, { version, fields: rest, control }, contents), contents);
}

const names = (items: Iterable<DescribedPackage>): string[] => [...items].map(({ locked }) => locked.name);

/** Packages p0 ... pN, each with some of the others in Depends. */
const graphs = fc
  .integer({ min: 1, max: 9 })
  .chain((size) =>
    fc.array(fc.uniqueArray(fc.nat(size - 1), { maxLength: 3 }), { minLength: size, maxLength: size }),
  );

const made = (graph: readonly (readonly number[])[]): readonly DescribedPackage[] =>
  graph.map((needs, i) => {
    const depends = needs.filter((one) => one !== i).map((one) => `p${one}`);
    return item(`p${i}`, depends.length === 0 ? {} : { Depends: depends.join(", ") });
  });

/** All that a package leads to. */
function reached(graph: readonly (readonly number[])[], from: number): ReadonlySet<number> {
  const seen = new Set(graph[from]);
  for (const one of seen) for (const next of graph[one] ?? []) seen.add(next);
  return seen;
}

test("orderPackages puts what a package needs before it, except where they need each other", () => {
  fc.assert(
    fc.property(graphs, (graph) => {
      const place = new Map(names(orderPackages(made(graph))).map((name, i) => [name, i]));
      graph.forEach((needs, i) => {
        for (const need of needs) {
          if (need === i || reached(graph, need).has(i)) continue;
          assert.ok(
            (place.get(`p${need}`) as number) < (place.get(`p${i}`) as number),
            `p${need} before p${i}`,
          );
        }
      });
      assert.equal(place.size, graph.length);
    }),
  );
});

test("orderPackages does not depend on the order given", () => {
  fc.assert(
    fc.property(
      graphs.chain((graph) =>
        fc.tuple(
          fc.constant(graph),
          fc.shuffledSubarray(
            graph.map((_, i) => i),
            { minLength: graph.length },
          ),
        ),
      ),
      ([graph, order]) => {
        const all = made(graph);
        const shuffled = order.map((i) => all[i] as DescribedPackage);
        assert.deepEqual(names(orderPackages(shuffled)), names(orderPackages(all)));
      },
    ),
  );
});

test("orderPackages leaves others in their order when a package comes along that nobody needs", () => {
  fc.assert(
    fc.property(graphs, fc.constantFrom("a", "p0a", "zz"), fc.nat(8), (graph, name, needed) => {
      const all = made(graph);
      const before = names(orderPackages(all));
      const after = names(orderPackages([...all, item(name)]));
      assert.deepEqual(
        after.filter((one) => one !== name),
        before,
      );
      const needing = names(orderPackages([...all, item("zz", { Depends: `p${needed % graph.length}` })]));
      assert.deepEqual(needing, [...before, "zz"]);
    }),
  );
});

test("orderPackages puts the basic packages first, then Essential ones, and groups cycles by name", () => {
  const all = [
    item("app"),
    item("base-files", { "Pre-Depends": "awk" }),
    item("base-passwd", { Depends: "libc6" }),
    item("dpkg"),
    item("libc6", { Depends: "libgcc-s1" }),
    item("libgcc-s1", { Depends: "libc6" }),
    item("login", { Essential: "yes" }),
    item("mawk", { Provides: "awk" }),
  ];
  assert.deepEqual(names(orderPackages(all)), [
    "libc6",
    "libgcc-s1",
    "base-passwd",
    "mawk",
    "base-files",
    "dpkg",
    "login",
    "app",
  ]);
});

test("dependenciesOf takes all that fit the first alternative that any fits, with versions", () => {
  const among = [item("a", { Version: "2" }), item("b"), item("c", { Provides: "a (= 1), v" }), item("d")];
  const of = (depends: string): string[] => names(dependenciesOf(item("x", { Depends: depends }), among));
  assert.deepEqual(of("a"), ["a", "c"]);
  assert.deepEqual(of("a (>= 2)"), ["a"]);
  assert.deepEqual(of("none | v | b"), ["c"]);
  assert.deepEqual(of("v (>= 1) | b, d"), ["b", "d"]);
  assert.deepEqual(of("none"), []);
});

test("withDependencies follows needs to their end", () => {
  const among = [
    item("a", { Depends: "b" }),
    item("b", { "Pre-Depends": "c" }),
    item("c", { Depends: "a" }),
    item("d"),
  ];
  assert.deepEqual(names(withDependencies(among.slice(1, 2), among)).sort(), ["a", "b", "c"]);
});

test("orderPackages orders thousands in a chain without recursion", () => {
  const chain = Array.from({ length: 3000 }, (_, i) =>
    item(`q${i}`, i === 0 ? {} : { Depends: `q${i - 1}` }),
  );
  assert.deepEqual(names(orderPackages([...chain].reverse())), names(chain));
});

const preinst = { preinst: "#!/bin/sh\n" };

test("planWaves opens a wave where a preinst pre-depends on what the wave has yet to configure", () => {
  const all = [
    item("a"),
    item("b", { "Pre-Depends": "a" }, preinst),
    item("c", { "Pre-Depends": "a" }, preinst),
    item("d", { "Pre-Depends": "c" }),
    item("e", { "Pre-Depends": "d" }, preinst),
    item("f", { Depends: "e" }, preinst),
  ];
  const waves = planWaves([...all].reverse());
  assert.deepEqual(
    waves.map(({ packages }) => names(packages)),
    [["a"], ["b", "c", "d"], ["e", "f"]],
  );
  assert.deepEqual(
    waves.map(({ preinsts }) => names(preinsts)),
    [[], ["b", "c"], ["e", "f"]],
  );
  assert.deepEqual(planWaves([]), []);
});
