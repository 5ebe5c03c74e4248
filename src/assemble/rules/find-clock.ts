// SPDX-License-Identifier: Apache-2.0

const months = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec";

/** Dates as programs write them: ISO 8601, RFC 2822, ctime, syslog, openssl's, a day and year. */
const datePatterns: readonly RegExp[] = [
  /\b(19|20)\d\d[-/.](1[0-2]|0?[1-9])[-/.](3[01]|[12]\d|0?[1-9])/,
  new RegExp(`\\b(3[01]|[12]\\d|0?[1-9])[ -](${months})[a-z]*[ -](19|20)\\d\\d\\b`),
  new RegExp(`\\b(${months})[a-z]* {1,2}(3[01]|[12]\\d|0?[1-9])\\b`),
  /\b(19|20)\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])([T_-]?\d{4,6})?Z?\b/,
  /\b([01]\d|2[0-3]):[0-5]\d:[0-5]\d\b/,
];

/** A build takes less than two days. */
const windowSeconds = 2 * 86_400;

/** The date in a text that differs, or undefined; a number of seconds counts when it is near one of the clocks. */
export function findDate(text: string, clocks: readonly number[]): string | undefined {
  for (const pattern of datePatterns) {
    const found = pattern.exec(text);
    if (found !== null) return found[0];
  }
  return [...text.matchAll(/(?<!\d)\d{10}(?:\d{3}){0,3}(?!\d)/g)]
    .map(([number]) => number)
    .find((number) => isNear(Number(number.slice(0, 10)), clocks));
}

/** Where a number near one of the clocks lies in bytes, 4 wide, around a place: of a header, a table, a cache. */
export function findBinaryTime(
  bytes: Uint8Array,
  around: number,
  clocks: readonly number[],
): number | undefined {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = Math.max(0, around - 7); at <= Math.min(around + 3, view.length - 4); at++) {
    if (isNear(view.readUInt32LE(at), clocks) || isNear(view.readUInt32BE(at), clocks)) return at;
  }
  return undefined;
}

function isNear(seconds: number, clocks: readonly number[]): boolean {
  return clocks.some((clock) => Math.abs(seconds - clock) < windowSeconds);
}
