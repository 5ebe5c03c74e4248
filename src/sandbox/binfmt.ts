// SPDX-License-Identifier: Apache-2.0
import { AshlarError } from "../base/index.ts";

/** A handler of binfmt_misc: which program runs files that begin in some way. */
export interface BinfmtEntry {
  readonly enabled: boolean;
  /** Absolute path of the program. */
  readonly interpreter: string;
  /** Flag F: the program was opened when the handler was made, so that it needs not be inside a root. */
  readonly fixed: boolean;
  /** What files begin with; absent for handlers of file names. */
  readonly magic?: BinfmtMagic;
}

interface BinfmtMagic {
  readonly offset: number;
  readonly bytes: Uint8Array;
  /** As long as `bytes`: which bits count. */
  readonly mask: Uint8Array;
}

/** The kernel gives a page at most. */
const textLengthMax = 16_384;

/**
 * Reads one file of /proc/sys/fs/binfmt_misc. Throws `SANDBOX_BINFMT`. Source: Linux
 * Documentation/admin-guide/binfmt-misc.rst and fs/binfmt_misc.c, `entry_status`.
 */
export function parseBinfmtEntry(text: string): BinfmtEntry {
  if (text.length > textLengthMax) throw invalid("too long");
  const [state, ...lines] = text.split("\n");
  if (state !== "enabled" && state !== "disabled") throw invalid('want "enabled" or "disabled" first');
  const fields = new Map<string, string>();
  for (const line of lines) {
    const [, name, value] = /^([a-z]+):? (.*)$/.exec(line) ?? [];
    if (name !== undefined && value !== undefined && !fields.has(name)) fields.set(name, value);
  }
  const interpreter = fields.get("interpreter") ?? "";
  if (!interpreter.startsWith("/")) throw invalid("want an interpreter by its absolute path");
  const fixed = (fields.get("flags") ?? "").includes("F");
  const magic = readMagic(fields);
  return { enabled: state === "enabled", interpreter, fixed, ...(magic === undefined ? {} : { magic }) };
}

function readMagic(fields: ReadonlyMap<string, string>): BinfmtMagic | undefined {
  const text = fields.get("magic");
  if (text === undefined) return undefined;
  const bytes = readHex("magic", text);
  const offset = fields.get("offset") ?? "0";
  if (!/^\d{1,5}$/.test(offset)) throw invalid("want an offset in decimal digits");
  const maskText = fields.get("mask");
  const mask = maskText === undefined ? new Uint8Array(bytes.length).fill(0xff) : readHex("mask", maskText);
  if (mask.length !== bytes.length) throw invalid("want a mask as long as the magic");
  return { offset: Number(offset), bytes, mask };
}

function readHex(name: string, text: string): Uint8Array {
  if (!/^(?:[0-9a-f]{2}){1,256}$/.test(text)) throw invalid(`want ${name} as 1 to 256 bytes in hexadecimal`);
  return Buffer.from(text, "hex");
}

/** Tells whether the kernel would give a file that begins with `head` to this handler, were it enabled. */
export function fitsBinfmt({ magic }: BinfmtEntry, head: Uint8Array): boolean {
  if (magic === undefined) return false;
  return magic.bytes.every((byte, i) => {
    const found = head[magic.offset + i];
    return found !== undefined && ((found ^ byte) & (magic.mask[i] as number)) === 0;
  });
}

function invalid(fault: string): AshlarError {
  return new AshlarError("SANDBOX_BINFMT", `Cannot read handler of binfmt_misc: ${fault}`);
}
