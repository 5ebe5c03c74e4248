// SPDX-License-Identifier: Apache-2.0
import type { Reply } from "./registry-content.ts";

/**
 * How a registry answers a request for parts of a blob, as seen in the wild: with the parts (206), with the
 * whole (200), with an error, with the first part only, or with another part than the one asked for.
 */
export type RangeStyle = "parts" | "first-part" | "other-part" | 200 | 400 | 416 | 501;

export interface RangeStyles {
  /** For `bytes=A-B`; "parts" when absent. */
  readonly singleRange?: RangeStyle | undefined;
  /** For several ranges in one header; "parts" (multipart/byteranges) when absent. */
  readonly multiRange?: RangeStyle | undefined;
}

interface Span {
  readonly start: number;
  /** Exclusive. */
  readonly end: number;
}

const boundary = "test-registry-part";

/** The answer to a GET of bytes with a `Range` header or without. */
export function answerRange(bytes: Uint8Array, header: string | undefined, styles: RangeStyles): Reply {
  const whole = { status: 200, headers: { "accept-ranges": "bytes" }, body: bytes };
  const spans = header === undefined ? undefined : parseRange(header, bytes.length);
  if (spans === undefined) return whole;
  if (spans.length === 0) return { status: 416, headers: { "content-range": `bytes */${bytes.length}` } };
  const style = (spans.length > 1 ? styles.multiRange : styles.singleRange) ?? "parts";
  if (style === 200) return whole;
  if (typeof style === "number") return { status: style };
  const [first = { start: 0, end: 0 }] = spans;
  if (style === "other-part") return onePart(bytes, { start: first.start + 1, end: first.end });
  return spans.length === 1 || style === "first-part" ? onePart(bytes, first) : manyParts(bytes, spans);
}

/** Undefined for what is no range of bytes; those that begin behind the end are left out (RFC 9110, 14.2). */
function parseRange(header: string, sizeBytes: number): readonly Span[] | undefined {
  const match = /^bytes=(.*)$/.exec(header);
  if (match === null) return undefined;
  const spans = (match[1] ?? "").split(",").map((text) => /^\s*(\d*)-(\d*)\s*$/.exec(text));
  if (spans.some((span) => span === null || (span[1] === "" && span[2] === ""))) return undefined;
  return spans
    .map((span) => {
      const [, from = "", to = ""] = span ?? [];
      if (from === "") return { start: Math.max(0, sizeBytes - Number(to)), end: sizeBytes };
      return { start: Number(from), end: to === "" ? sizeBytes : Math.min(sizeBytes, Number(to) + 1) };
    })
    .filter(({ start, end }) => start < end && start < sizeBytes);
}

function contentRange({ start, end }: Span, sizeBytes: number): string {
  return `bytes ${start}-${end - 1}/${sizeBytes}`;
}

function onePart(bytes: Uint8Array, span: Span): Reply {
  const headers = { "content-range": contentRange(span, bytes.length), "content-type": "application/octet-stream" };
  return { status: 206, headers, body: bytes.subarray(span.start, span.end) };
}

function manyParts(bytes: Uint8Array, spans: readonly Span[]): Reply {
  const pieces = spans.flatMap((span) => [
    Buffer.from(`\r\n--${boundary}\r\nContent-Range: ${contentRange(span, bytes.length)}\r\n\r\n`),
    Buffer.from(bytes.subarray(span.start, span.end)),
  ]);
  const body = Buffer.concat([...pieces, Buffer.from(`\r\n--${boundary}--\r\n`)]);
  return { status: 206, headers: { "content-type": `multipart/byteranges; boundary=${boundary}` }, body };
}
