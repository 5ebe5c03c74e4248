// SPDX-License-Identifier: Apache-2.0
import { AshlarError, limits } from "../base/index.ts";

/** The parts of a clearsigned file, split by our own strict reading. */
export interface Clearsigned {
  /** The signed text: dashes unescaped, lines joined by LF, no final LF. */
  readonly text: string;
  /** The armoured signature, from its first dash to the LF after its last. */
  readonly signature: string;
}

const messageStart = "-----BEGIN PGP SIGNED MESSAGE-----";
const signatureStart = "-----BEGIN PGP SIGNATURE-----";
const signatureEnd = "-----END PGP SIGNATURE-----";

/**
 * Splits an InRelease file (RFC 9580 section 7) and refuses whatever two programs could read in two ways:
 * anything before or after the armour, carriage returns, NUL, text that is not UTF-8, headers other than
 * `Hash`, unescaped dashes, a second message (CVE-2016-1252, CVE-2013-1051). Says nothing about the
 * signature. Throws `FETCH_SIGNATURE_ARMOUR`.
 */
export function splitClearsigned(bytes: Uint8Array): Clearsigned {
  const lines = textLines(bytes);
  if (lines[0] !== messageStart) throw bad(`line 1 is not "${messageStart}"`);
  const blank = lines.indexOf("", 1);
  if (blank < 0) throw bad("no empty line ends the headers");
  if (blank === 1) throw bad("the Hash header is missing");
  for (const [i, line] of lines.slice(1, blank).entries()) {
    if (!/^Hash: (SHA(256|384|512)(,\s?)?)+$/.test(line)) throw bad(`line ${i + 2} is not a Hash header of SHA-2`);
  }
  const start = lines.indexOf(signatureStart, blank);
  if (start < 0) throw bad(`"${signatureStart}" is missing`);
  const text = lines.slice(blank + 1, start).map((line, i) => unescapeDash(line, blank + 2 + i));
  return { text: text.join("\n"), signature: armourOf(lines.slice(start)) };
}

/**
 * Checks a detached armoured signature (Release.gpg): nothing before or after it, good checksum.
 * Throws `FETCH_SIGNATURE_ARMOUR`.
 */
export function parseArmouredSignature(bytes: Uint8Array): string {
  return armourOf(textLines(bytes));
}

/** The lines of a text that ends in LF. */
function textLines(bytes: Uint8Array): string[] {
  if (bytes.length > limits.textBytesMax) throw bad(`more than ${limits.textBytesMax} bytes`);
  const lines = decodeText(bytes).split("\n");
  if (lines.pop() !== "") throw bad("the last line has no end");
  return lines;
}

/** Text of a signed file: UTF-8 without NUL and carriage return. Throws `FETCH_SIGNATURE_ARMOUR`. */
export function decodeText(bytes: Uint8Array): string {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw bad("not UTF-8 text");
  }
  // Some programs end a line at these as well, others do not.
  if (/[\0\r\v\f\u0085\u2028\u2029\ufeff]/.test(text)) throw bad("a carriage return, NUL or other line separator");
  return text;
}

function unescapeDash(line: string, number: number): string {
  if (line.startsWith("- ")) return line.slice(2);
  if (line.startsWith("-")) throw bad(`line ${number} starts with a dash that is not escaped`);
  return line;
}

function armourOf(lines: readonly string[]): string {
  if (lines[0] !== signatureStart) throw bad(`"${signatureStart}" is missing`);
  const end = lines.indexOf(signatureEnd);
  if (end < 0) throw bad(`"${signatureEnd}" is missing`);
  if (end !== lines.length - 1) throw bad("text after the armour");
  const blank = lines.indexOf("");
  if (blank < 0 || blank > end) throw bad("no empty line ends the signature's headers");
  if (!lines.slice(1, blank).every((line) => /^(Version|Comment): ./.test(line))) throw bad("a foreign header");
  checkBase64(lines.slice(blank + 1, end));
  return `${lines.join("\n")}\n`;
}

function checkBase64(lines: readonly string[]): void {
  const last = lines.at(-1);
  const checksum = last !== undefined && /^=[A-Za-z0-9+/]{4}$/.test(last) ? last.slice(1) : undefined;
  const body = (checksum === undefined ? lines : lines.slice(0, -1)).join("");
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(body) || body.length % 4 !== 0) throw bad("the signature is not base64");
  if (
    checksum !== undefined &&
    crc24(Buffer.from(body, "base64")) !== Buffer.from(checksum, "base64").readUIntBE(0, 3)
  ) {
    throw bad("the signature's checksum is wrong");
  }
}

/** RFC 9580 section 6.1. */
function crc24(bytes: Uint8Array): number {
  let crc = 0xb704ce;
  for (const byte of bytes) {
    crc ^= byte << 16;
    for (let bit = 0; bit < 8; bit++) {
      crc <<= 1;
      if ((crc & 0x1000000) !== 0) crc ^= 0x1864cfb;
    }
  }
  return crc & 0xffffff;
}

function bad(why: string): AshlarError {
  const message = `Cannot read signed release file: ${why}, want one clearsigned message and nothing else`;
  return new AshlarError("FETCH_SIGNATURE_ARMOUR", message);
}
