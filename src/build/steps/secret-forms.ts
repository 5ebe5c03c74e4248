// SPDX-License-Identifier: Apache-2.0
import { AshlarError } from "../../base/index.ts";

/** One way in which the bytes of a secret may show up. */
export interface SecretForm {
  /** The secret's name. */
  readonly secret: string;
  /** "as it is", "base64", "hexadecimal" or "URL-encoded". */
  readonly form: string;
  readonly bytes: Buffer;
}

/** Fewer bytes are found everywhere by chance. */
const secretBytesMin = 4;

/**
 * Longer texts are looked for by two pieces of this length: a program that breaks lines (base64 at 76 columns,
 * xxd at 60) breaks at most one of them.
 */
const pieceChars = 24;

/**
 * The forms in which a secret is looked for: its bytes without the line end that a file has, base64 in its
 * three alignments and both alphabets, hexadecimal and URL-encoded. Throws `USAGE_SECRET` for one of fewer
 * than 4 bytes.
 */
export function secretForms(secret: string, value: Uint8Array): readonly SecretForm[] {
  const bytes = withoutLineEnd(value);
  if (bytes.length < secretBytesMin) {
    const state = `it has ${bytes.length} bytes, want at least ${secretBytesMin}`;
    throw new AshlarError("USAGE_SECRET", `Cannot use secret "${secret}": ${state}`, {
      hint: "so short a text could not be told from chance when outputs are searched for it",
    });
  }
  const found = new Map<string, SecretForm>();
  const add = (form: string, text: Buffer): void => {
    const key = text.toString("latin1");
    if (!found.has(key)) found.set(key, { secret, form, bytes: text });
  };
  add("as it is", bytes);
  for (const text of base64Texts(bytes)) for (const piece of piecesOf(text)) add("base64", piece);
  const hex = bytes.toString("hex");
  for (const text of [hex, hex.toUpperCase()]) for (const piece of piecesOf(text)) add("hexadecimal", piece);
  for (const text of urlTexts(bytes)) add("URL-encoded", Buffer.from(text));
  return [...found.values()];
}

function withoutLineEnd(value: Uint8Array): Buffer {
  let end = value.length;
  while (end > 0 && (value[end - 1] === 0x0a || value[end - 1] === 0x0d)) end--;
  return Buffer.from(value.subarray(0, end));
}

/** What stands in the encoded text wherever the bytes stand in the plain one: characters of ours alone. */
function base64Texts(bytes: Buffer): string[] {
  return [0, 1, 2].flatMap((before) => {
    const whole = Buffer.concat([Buffer.alloc(before), bytes])
      .toString("base64")
      .replaceAll("=", "");
    const text = whole.slice(Math.ceil((before * 8) / 6), Math.floor(((before + bytes.length) * 8) / 6));
    return [text, text.replaceAll("+", "-").replaceAll("/", "_")];
  });
}

function piecesOf(text: string): readonly Buffer[] {
  if (text.length < 2 * pieceChars) return [Buffer.from(text)];
  return [text.slice(0, pieceChars), text.slice(pieceChars, 2 * pieceChars)].map((piece) =>
    Buffer.from(piece),
  );
}

/** Percent signs for everything unreserved (RFC 3986) and for what encodeURIComponent leaves; and "+" for spaces. */
function urlTexts(bytes: Buffer): string[] {
  const encode = (kept: RegExp): string =>
    [...bytes]
      .map((byte) => {
        const char = String.fromCharCode(byte);
        return kept.test(char) ? char : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
      })
      .join("");
  const upper = [encode(/[\w.~-]/), encode(/[\w.~!*'()-]/), encode(/[\w.*-]/).replaceAll("%20", "+")];
  const lower = upper.map((text) => text.replace(/%../g, (escape) => escape.toLowerCase()));
  return [...upper, ...lower].filter((text) => /[%+]/.test(text));
}
