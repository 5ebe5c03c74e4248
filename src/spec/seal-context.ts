// SPDX-License-Identifier: Apache-2.0
/**
 * Runs inside the evaluator (its text is taken by `toString`, so it names nothing but what QuickJS has): takes away
 * what could make two evaluations differ and returns the function that turns the exported value into JSON.
 */
export function sealContext(): (value: unknown) => string {
  const { stringify } = JSON;
  const { keys, getPrototypeOf, setPrototypeOf, create, defineProperty } = Object;
  const { isArray } = Array;
  const { isFinite } = Number;
  const arrayPrototype = Array.prototype;
  const objectPrototype = Object.prototype;
  const Refusal = TypeError;
  const place = globalThis as unknown as Record<string, unknown>;
  for (const name of ["Date", "WeakRef", "FinalizationRegistry", "SharedArrayBuffer", "Atomics", "performance"]) {
    delete place[name];
  }
  Math.random = () => {
    throw new Error("Math.random is not there: a spec gives the same image every time");
  };
  const nodesMax = 200_000;
  let nodes = 0;

  function refuse(path: string, what: string): never {
    throw new Refusal(`${path === "" ? "the exported value" : path} is ${what}, want plain data`);
  }

  /** A copy without prototypes of anything that JSON holds; keys with the value undefined are left out. */
  function plain(value: unknown, path: string, depth: number): unknown {
    if (depth > 64) refuse(path, "nested more than 64 deep or contains itself");
    if (++nodes > nodesMax) refuse(path, "one of more than 200000 values");
    if (value === null || typeof value === "string" || typeof value === "boolean") return value;
    if (typeof value === "number") return isFinite(value) ? value : refuse(path, `the number ${value}`);
    if (typeof value !== "object") return refuse(path, `of type ${typeof value}`);
    if (isArray(value)) return plainArray(value, path, depth);
    const prototype: unknown = getPrototypeOf(value);
    if (prototype !== null && prototype !== objectPrototype) refuse(path, `${className(prototype)}`);
    const copy: object = create(null);
    for (const key of keys(value)) {
      const item = (value as Record<string, unknown>)[key];
      if (item === undefined) continue;
      const inner = plain(item, path === "" ? key : `${path}.${key}`, depth + 1);
      defineProperty(copy, key, { value: inner, enumerable: true });
    }
    return copy;
  }

  function plainArray(value: readonly unknown[], path: string, depth: number): unknown {
    if (getPrototypeOf(value) !== arrayPrototype) refuse(path, "an array of a class of its own");
    const copy = setPrototypeOf([], null) as unknown[];
    for (let i = 0; i < value.length; i++) {
      defineProperty(copy, i, { value: plain(value[i], `${path}[${i}]`, depth + 1), enumerable: true });
    }
    return copy;
  }

  function className(prototype: unknown): string {
    const made = (prototype as { constructor?: { name?: unknown } }).constructor?.name;
    return made === "Promise" ? "a Promise (specs are synchronous)" : `an object of class ${String(made)}`;
  }

  return (value) => stringify(plain(value, "", 0));
}
