// SPDX-License-Identifier: Apache-2.0
import { AshlarError } from "../base/index.ts";

/** An eStargz blob ends with an empty gzip member of this size. */
export const estargzFooterBytes = 51;

const digits = 16;
/** Two bytes of extra fields' length, the field's name and its length, then the digits and the magic. */
const extraHead = Buffer.from([26, 0, 0x53, 0x47, 22, 0]);
const magic = Buffer.from("STARGZ", "latin1");

/**
 * Parses the footer of an eStargz blob: the offset of the gzip member that holds the table of contents. Throws
 * `LAYER_FOOTER_INVALID`. (stargz-snapshotter, docs/estargz.md, "Footer")
 */
export function parseEstargzFooter(bytes: Uint8Array): number {
  const footer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const at = 10 + extraHead.length;
  const isOne =
    footer.length === estargzFooterBytes &&
    footer.readUInt32BE(0) === 0x1f8b0804 &&
    footer.subarray(10, at).equals(extraHead) &&
    footer.subarray(at + digits, at + digits + magic.length).equals(magic);
  const text = footer.toString("latin1", at, at + digits);
  const offset = /^[0-9a-fA-F]{16}$/.test(text) ? Number(`0x${text}`) : Number.NaN;
  if (isOne && Number.isSafeInteger(offset)) return offset;
  const message = "Cannot read the footer of a layer: it is none of eStargz with its table of contents inside";
  throw new AshlarError("LAYER_FOOTER_INVALID", message);
}
