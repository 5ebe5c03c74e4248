// SPDX-License-Identifier: Apache-2.0
import { createHash } from "node:crypto";

import { AshlarError } from "../base/index.ts";

/** One DER element: its tag byte, its whole encoding and its value. */
interface Element {
  readonly tag: number;
  readonly bytes: Uint8Array;
  readonly value: Uint8Array;
}

/**
 * The hash by which OpenSSL finds a certificate of a subject in a directory: sha1 over the canonical form of
 * the subject, its first four bytes as a little-endian number, in hex (OpenSSL X509_NAME_hash, since 1.0.0).
 * Takes a certificate's DER bytes. Throws `ASSEMBLE_CERTIFICATE_INVALID`.
 */
export function subjectHash(certificate: Uint8Array): string {
  const canonical = canonicalName(subjectOf(certificate));
  return createHash("sha1").update(canonical).digest().readUInt32LE(0).toString(16).padStart(8, "0");
}

/** Certificate ::= SEQUENCE { tbs SEQUENCE { [0] version?, serial, algorithm, issuer, validity, subject, ... } ... } */
function subjectOf(certificate: Uint8Array): Element {
  const tbs = children(only(certificate, 0x30).value)[0];
  if (tbs === undefined || tbs.tag !== 0x30) throw invalid("it has no body");
  const fields = children(tbs.value, 7);
  const subject = fields[fields[0]?.tag === 0xa0 ? 5 : 4];
  if (subject === undefined || subject.tag !== 0x30) throw invalid("it has no subject");
  return subject;
}

/** The sets of the name one after another, without the sequence around them; texts in canonical form. */
function canonicalName(name: Element): Uint8Array {
  const sets = children(name.value).map((set) => {
    if (set.tag !== 0x31) throw invalid("its subject holds something else than sets");
    const attributes = children(set.value).map(canonicalAttribute);
    // DER orders the elements of a set; canonical texts may have changed the order.
    return encode(0x31, Buffer.concat(attributes.sort(Buffer.compare)));
  });
  return Buffer.concat(sets);
}

function canonicalAttribute(attribute: Element): Uint8Array {
  const [type, value] = children(attribute.value);
  if (attribute.tag !== 0x30 || type === undefined || value === undefined) throw invalid("its subject is damaged");
  const text = textOf(value);
  const canonical = text === undefined ? value.bytes : encode(0x0c, canonicalText(text));
  return encode(0x30, Buffer.concat([type.bytes, canonical]));
}

/** The UTF-8 form of a string element of a kind that takes part in canonical form; undefined for all others. */
function textOf({ tag, value }: Element): Uint8Array | undefined {
  switch (tag) {
    case 0x0c: // UTF8String
    case 0x13: // PrintableString
    case 0x16: // IA5String
    case 0x1a: // VisibleString
      return value;
    case 0x14: // T61String, which OpenSSL reads as Latin-1
      return Buffer.from(Buffer.from(value).toString("latin1"), "utf8");
    case 0x1e: // BMPString
      return fromUnits(value, 2);
    case 0x1c: // UniversalString
      return fromUnits(value, 4);
    default:
      return undefined;
  }
}

function fromUnits(value: Uint8Array, width: number): Uint8Array {
  if (value.length % width !== 0) throw invalid("its subject holds a text of odd length");
  const buffer = Buffer.from(value);
  let text = "";
  for (let at = 0; at < buffer.length; at += width) {
    const unit = buffer.readUIntBE(at, width);
    if (unit > 0x10ffff) throw invalid("its subject holds an impossible character");
    text += String.fromCodePoint(unit);
  }
  return Buffer.from(text, "utf8");
}

/** Trims white space, makes runs of it one space, and ASCII letters small. */
function canonicalText(text: Uint8Array): Uint8Array {
  const latin = Buffer.from(text).toString("latin1");
  const trimmed = latin.replace(/^[ \t-\r]+|[ \t-\r]+$/g, "").replace(/[ \t-\r]+/g, " ");
  return Buffer.from(
    trimmed.replace(/[A-Z]/g, (letter) => letter.toLowerCase()),
    "latin1",
  );
}

function only(bytes: Uint8Array, tag: number): Element {
  const element = readElement(bytes, 0);
  if (element.tag !== tag || element.bytes.length !== bytes.length) throw invalid("it is not one DER sequence");
  return element;
}

function children(bytes: Uint8Array, countMax = 1000): readonly Element[] {
  const found: Element[] = [];
  for (let at = 0; at < bytes.length && found.length < countMax;) {
    const element = readElement(bytes, at);
    found.push(element);
    at += element.bytes.length;
  }
  return found;
}

function readElement(bytes: Uint8Array, start: number): Element {
  const [tag, first] = [bytes[start], bytes[start + 1]];
  if (tag === undefined || first === undefined || (tag & 0x1f) === 0x1f) throw invalid("it ends inside an element");
  const lengthBytes = first < 0x80 ? 0 : first & 0x7f;
  if (first === 0x80 || lengthBytes > 4 || start + 2 + lengthBytes > bytes.length) throw invalid("a length is damaged");
  let length = first < 0x80 ? first : 0;
  for (let i = 0; i < lengthBytes; i++) length = length * 256 + (bytes[start + 2 + i] as number);
  const from = start + 2 + lengthBytes;
  if (from + length > bytes.length) throw invalid("it ends inside an element");
  return { tag, bytes: bytes.subarray(start, from + length), value: bytes.subarray(from, from + length) };
}

function encode(tag: number, value: Uint8Array): Buffer {
  const length: number[] = [];
  for (let rest = value.length; rest > 0; rest = Math.floor(rest / 256)) length.unshift(rest % 256);
  const head = value.length < 0x80 ? [tag, value.length] : [tag, 0x80 | length.length, ...length];
  return Buffer.concat([Buffer.from(head), value]);
}

function invalid(fault: string): AshlarError {
  return new AshlarError("ASSEMBLE_CERTIFICATE_INVALID", `Cannot read certificate: ${fault}`);
}
