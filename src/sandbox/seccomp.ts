// SPDX-License-Identifier: Apache-2.0
import type { Json } from "../base/index.ts";
import { callArchitectures, clone3Number, cloneNumbers, deniedCalls } from "./denied-calls.ts";

/** CLONE_NEW* flags of clone(2): inside new namespaces all capabilities would be back. */
const cloneNamespaces = 0x7e020000;

const eperm = 1;
const enosys = 38;

/** The filter as crun and runc take it (OCI runtime-spec 1.0.2, config-linux.md#seccomp). */
export function ociSeccomp(arch: NodeJS.Architecture): Json {
  const refuse = (names: readonly string[], errnoRet: number, args: Json = []): Json => {
    return { names: [...names], action: "SCMP_ACT_ERRNO", errnoRet, args };
  };
  // A rule of libseccomp matches where all bits of its mask are set, so each flag has a rule of its own.
  const flags = Array.from({ length: 31 }, (_, bit) => 2 ** bit).filter(
    (flag) => (cloneNamespaces & flag) !== 0,
  );
  const masked = flags.map((flag) => ({ index: 0, value: flag, valueTwo: flag, op: "SCMP_CMP_MASKED_EQ" }));
  return {
    defaultAction: "SCMP_ACT_ALLOW",
    architectures: architecturesOf(arch).map((name) => ociNames[name]),
    syscalls: [
      refuse(Object.keys(deniedCalls), eperm),
      // Libraries fall back to clone(2).
      refuse(["clone3"], enosys),
      ...masked.map((rule) => refuse(["clone"], eperm, [rule])),
    ],
  };
}

type CallArchitecture = (typeof callArchitectures)[number];

const ociNames = { x86_64: "SCMP_ARCH_X86_64", i386: "SCMP_ARCH_X86", aarch64: "SCMP_ARCH_AARCH64" } as const;

/** What processes may be made for; of others each call ends the process. */
function architecturesOf(arch: NodeJS.Architecture): readonly CallArchitecture[] {
  return arch === "arm64" ? ["aarch64"] : ["x86_64", "i386"];
}

// Linux, linux/bpf_common.h, linux/seccomp.h, linux/audit.h
const load = 0x20;
const jumpIfEqual = 0x15;
const jumpIfGreaterOrEqual = 0x35;
const jumpIfBits = 0x45;
const jumpAlways = 0x05;
const give = 0x06;
const allow = 0x7fff0000;
const killProcess = 0x80000000;
const errno = 0x00050000;
const numberAt = 0;
const architectureAt = 4;
const firstArgumentAt = 16;
const auditNumbers = { x86_64: 0xc000003e, i386: 0x40000003, aarch64: 0xc00000b7 } as const;
/** Calls of the x32 interface have this bit set, under the number of x86_64. */
const x32Bit = 0x40000000;

type Instruction = readonly [code: number, ifTrue: number, ifFalse: number, operand: number];

/**
 * The same filter for bwrap, which takes no names: a program of classic BPF, eight bytes an instruction in the
 * byte order of the machine (little endian on all that we have).
 */
export function compileSeccomp(arch: NodeJS.Architecture): Buffer {
  const program: Instruction[] = [];
  for (const name of architecturesOf(arch)) {
    const section = sectionOf(name);
    program.push([load, 0, 0, architectureAt], [jumpIfEqual, 1, 0, auditNumbers[name]]);
    program.push([jumpAlways, 0, 0, section.length], ...section);
  }
  program.push([give, 0, 0, killProcess]);
  return Buffer.concat(program.map(encodeInstruction));
}

function sectionOf(name: CallArchitecture): Instruction[] {
  const column = callArchitectures.indexOf(name);
  const section: Instruction[] = [[load, 0, 0, numberAt]];
  if (name === "x86_64") section.push([jumpIfGreaterOrEqual, 0, 1, x32Bit], [give, 0, 0, errno | enosys]);
  for (const numbers of Object.values(deniedCalls)) {
    const number = numbers[column] as number;
    if (number >= 0) section.push([jumpIfEqual, 0, 1, number], [give, 0, 0, errno | eperm]);
  }
  section.push([jumpIfEqual, 0, 1, clone3Number], [give, 0, 0, errno | enosys]);
  section.push([jumpIfEqual, 0, 3, cloneNumbers[column] as number], [load, 0, 0, firstArgumentAt]);
  section.push([jumpIfBits, 0, 1, cloneNamespaces], [give, 0, 0, errno | eperm], [give, 0, 0, allow]);
  return section;
}

/** struct sock_filter. */
function encodeInstruction([code, ifTrue, ifFalse, operand]: Instruction): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt16LE(code, 0);
  bytes.writeUInt8(ifTrue, 2);
  bytes.writeUInt8(ifFalse, 3);
  bytes.writeUInt32LE(operand >>> 0, 4);
  return bytes;
}
