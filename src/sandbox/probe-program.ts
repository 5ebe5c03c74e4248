// SPDX-License-Identifier: Apache-2.0

/** How an architecture writes programs (gABI 4.1; its processor supplement). */
interface Machine {
  readonly wide: boolean;
  readonly little: boolean;
  /** e_machine */
  readonly machine: number;
  /** e_flags, where they matter. */
  readonly flags?: number;
  /** Instructions of exit(`probeExitCode`), in hexadecimal and the order of memory. */
  readonly code: string;
}

/** What the program ends with: nobody else does, so that a shell that takes it for a script is not mistaken. */
export const probeExitCode = 42;

/** By architecture, in OCI's words. */
const machines: Readonly<Record<string, Machine>> = {
  "386": { wide: false, little: true, machine: 3, code: "bb2a000000 b801000000 cd80" },
  amd64: { wide: true, little: true, machine: 62, code: "bf2a000000 b83c000000 0f05" },
  arm: { wide: false, little: true, machine: 40, flags: 0x5000000, code: "2a00a0e3 0170a0e3 000000ef" },
  arm64: { wide: true, little: true, machine: 183, code: "400580d2 a80b80d2 010000d4" },
  loong64: { wide: true, little: true, machine: 258, flags: 0x43, code: "04a88002 0b748102 00002b00" },
  mips64le: { wide: true, little: true, machine: 8, flags: 0x80000007, code: "2a000424 c2130224 0c000000" },
  ppc64le: { wide: true, little: true, machine: 21, flags: 2, code: "2a006038 01000038 02000044" },
  riscv64: { wide: true, little: true, machine: 243, flags: 5, code: "1305a002 9308d005 73000000" },
  s390x: { wide: true, little: false, machine: 22, code: "a729002a 0a01" },
};

const address = 0x10000;

/**
 * The smallest program of an architecture: it needs no library and ends with `probeExitCode`. Undefined for an
 * architecture that is not known here.
 */
export function probeProgram(architecture: string): Uint8Array | undefined {
  const machine = Object.hasOwn(machines, architecture) ? machines[architecture] : undefined;
  if (machine === undefined) return undefined;
  const code = Buffer.from(machine.code.replaceAll(" ", ""), "hex");
  const { header, segment } = machine.wide ? { header: 64, segment: 56 } : { header: 52, segment: 32 };
  const out = Buffer.alloc(header + segment + code.length);
  code.copy(out, header + segment);
  writeHeader(new Fields(out, machine), machine, { header, segment });
  return out;
}

interface Sizes {
  readonly header: number;
  readonly segment: number;
}

/** ELF header and the one segment: all of the file, to be read and executed. */
function writeHeader(fields: Fields, { wide, little, machine, flags }: Machine, sizes: Sizes): void {
  fields.bytes([0x7f, 0x45, 0x4c, 0x46, wide ? 2 : 1, little ? 1 : 2, 1, ...new Uint8Array(9)]);
  fields.halves(2, machine);
  fields.word(1);
  fields.addresses(address + sizes.header + sizes.segment, sizes.header, 0);
  fields.word(flags ?? 0);
  fields.halves(sizes.header, sizes.segment, 1, 0, 0, 0);
  const length = fields.length;
  fields.word(1);
  if (wide) fields.word(5);
  fields.addresses(0, address, address, length, length);
  if (!wide) fields.word(5);
  fields.addresses(0x1000);
}

/** Writes numbers one after the other in a machine's sizes and order. */
class Fields {
  readonly #view: DataView;
  readonly #machine: Machine;
  #at = 0;

  constructor(out: Buffer, machine: Machine) {
    this.#view = new DataView(out.buffer, out.byteOffset, out.length);
    this.#machine = machine;
  }

  get length(): number {
    return this.#view.byteLength;
  }

  bytes(values: readonly number[]): void {
    for (const value of values) this.#view.setUint8(this.#at++, value);
  }

  halves(...values: readonly number[]): void {
    for (const value of values) {
      this.#view.setUint16(this.#at, value, this.#machine.little);
      this.#at += 2;
    }
  }

  word(value: number): void {
    this.#view.setUint32(this.#at, value, this.#machine.little);
    this.#at += 4;
  }

  addresses(...values: readonly number[]): void {
    for (const value of values) {
      if (!this.#machine.wide) this.word(value);
      else {
        this.#view.setBigUint64(this.#at, BigInt(value), this.#machine.little);
        this.#at += 8;
      }
    }
  }
}
