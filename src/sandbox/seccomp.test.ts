// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import { callArchitectures, cloneNumbers, deniedCalls } from "./denied-calls.ts";
import { compileSeccomp } from "./seccomp.ts";

const allow = 0x7fff0000;
const kill = 0x80000000;
const eperm = 0x00050001;
const enosys = 0x00050026;
const audit = { x86_64: 0xc000003e, i386: 0x40000003, aarch64: 0xc00000b7 } as const;

/** Runs a program of classic BPF over a `struct seccomp_data`: bpf(4BSD) as far as filters of calls use it. */
function evaluate(program: Buffer, data: { arch: number; number: number; argument?: number }): number {
  const words = new Map([
    [0, data.number],
    [4, data.arch],
    [16, data.argument ?? 0],
  ]);
  let accumulator = 0;
  for (let at = 0; at * 8 < program.length; at++) {
    const code = program.readUInt16LE(at * 8);
    const [ifTrue, ifFalse] = [program.readUInt8(at * 8 + 2), program.readUInt8(at * 8 + 3)];
    const operand = program.readUInt32LE(at * 8 + 4);
    const jump = (is: boolean): void => void (at += is ? ifTrue : ifFalse);
    if (code === 0x20) {
      assert.ok(words.has(operand), `a load from ${operand}`);
      accumulator = words.get(operand) as number;
    } else if (code === 0x15) jump(accumulator === operand);
    else if (code === 0x35) jump(accumulator >= operand);
    else if (code === 0x45) jump((accumulator & operand) !== 0);
    else if (code === 0x05) at += operand;
    else if (code === 0x06) return operand;
    else assert.fail(`instruction ${code}`);
  }
  return assert.fail("the program has no end");
}

const hosts = { x64: ["x86_64", "i386"], arm64: ["aarch64"] } as const;

for (const [host, own] of Object.entries(hosts)) {
  const program = compileSeccomp(host as NodeJS.Architecture);

  test(`compileSeccomp(${host}) denies each call of the list and allows all others`, () => {
    for (const name of own) {
      const column = callArchitectures.indexOf(name);
      const denied = new Set(Object.values(deniedCalls).map((numbers) => numbers[column] as number));
      for (let number = 0; number < 600; number++) {
        const wanted = denied.has(number) ? eperm : number === 435 ? enosys : allow;
        assert.equal(evaluate(program, { arch: audit[name], number }), wanted, `${name} ${number}`);
      }
    }
  });

  test(`compileSeccomp(${host}) allows clone(2) without new namespaces only`, () => {
    for (const name of own) {
      const number = cloneNumbers[callArchitectures.indexOf(name)] as number;
      const run = (argument: number): number => evaluate(program, { arch: audit[name], number, argument });
      for (const flag of [
        0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000, 0x00020000,
      ]) {
        assert.equal(run(flag | 0x11), eperm);
      }
      assert.equal(run(0x003d0f00), allow, "a thread");
      assert.equal(run(0x11), allow, "a process");
    }
  });

  test(`compileSeccomp(${host}) ends processes of other architectures`, () => {
    const others = callArchitectures.filter((name) => !(own as readonly string[]).includes(name));
    for (const arch of [...others.map((name) => audit[name]), 0, 0x40000028]) {
      assert.equal(evaluate(program, { arch, number: 1 }), kill);
    }
  });
}

test("compileSeccomp: calls of the x32 interface do not exist", () => {
  const program = compileSeccomp("x64");
  for (const number of [0x40000000, 0x400000a5, 0x7fffffff]) {
    assert.equal(evaluate(program, { arch: audit.x86_64, number }), enosys);
  }
});
