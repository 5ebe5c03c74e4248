// SPDX-License-Identifier: Apache-2.0
import { AshlarError } from "../base/index.ts";

/** A version in its three parts; `revision` is undefined where the text has no hyphen. */
export interface Version {
  readonly epoch: number;
  readonly upstream: string;
  readonly revision: string | undefined;
}

/** Longer than any real one; keeps a hostile index from costing time. */
const versionLengthMax = 1024;
const epochMax = 2 ** 31 - 1;

/**
 * Parses and checks a version. Throws `DEBIAN_VERSION_INVALID`. Source: deb-version(7); accepts what
 * `dpkg --validate-version` does.
 */
export function parseVersion(text: string): Version {
  if (text.length > versionLengthMax) throw invalid(text, `it is longer than ${versionLengthMax} characters`);
  const colon = text.indexOf(":");
  const epochText = colon < 0 ? "0" : text.slice(0, colon);
  if (!/^[0-9]+$/.test(epochText)) throw invalid(text, "its epoch is not a number");
  const epoch = Number(epochText);
  if (epoch > epochMax) throw invalid(text, "its epoch is too large");
  const hyphen = text.lastIndexOf("-");
  const upstream = text.slice(colon + 1, hyphen < 0 ? undefined : hyphen);
  const revision = hyphen < 0 ? undefined : text.slice(hyphen + 1);
  if (hyphen >= 0 && hyphen < colon) throw invalid(text, "its epoch is not a number");
  if (!/^[0-9][A-Za-z0-9.+~:-]*$/.test(upstream)) throw invalid(text, "its upstream version is not one");
  if (revision !== undefined && !/^[A-Za-z0-9.+~]+$/.test(revision))
    throw invalid(text, "its revision is not one");
  return { epoch, upstream, revision };
}

/**
 * Orders versions as dpkg does: negative where `a` is older, 0 where they are equal ("1.0" and "1.0-0" are).
 * Both are valid versions; nothing is checked and nothing allocated, as the solver calls this often.
 * Source: deb-version(7), "Sorting algorithm".
 */
export function compareVersions(a: string, b: string): number {
  if (a === b) return 0;
  const aColon = a.indexOf(":");
  const bColon = b.indexOf(":");
  if (aColon >= 0 || bColon >= 0) {
    const byEpoch = comparePart(a, 0, Math.max(aColon, 0), b, 0, Math.max(bColon, 0));
    if (byEpoch !== 0) return byEpoch;
  }
  const aHyphen = a.lastIndexOf("-");
  const bHyphen = b.lastIndexOf("-");
  const aEnd = aHyphen < 0 ? a.length : aHyphen;
  const bEnd = bHyphen < 0 ? b.length : bHyphen;
  const byUpstream = comparePart(a, aColon + 1, aEnd, b, bColon + 1, bEnd);
  if (byUpstream !== 0) return byUpstream;
  // Without a hyphen both bounds meet at the end: an absent revision is an empty one.
  return comparePart(a, Math.min(aEnd + 1, a.length), a.length, b, Math.min(bEnd + 1, b.length), b.length);
}

/** Compares the parts [aAt, aEnd) and [bAt, bEnd): by turns a run of other characters, then a number. */
function comparePart(a: string, aAt: number, aEnd: number, b: string, bAt: number, bEnd: number): number {
  while (aAt < aEnd || bAt < bEnd) {
    for (;;) {
      const x = weight(a, aAt, aEnd);
      const y = weight(b, bAt, bEnd);
      if (x !== y) return x - y;
      if (x === 0) break;
      aAt++;
      bAt++;
    }
    while (aAt < aEnd && a.charCodeAt(aAt) === 0x30) aAt++;
    while (bAt < bEnd && b.charCodeAt(bAt) === 0x30) bAt++;
    let first = 0;
    while (aAt < aEnd && bAt < bEnd && isDigit(a.charCodeAt(aAt)) && isDigit(b.charCodeAt(bAt))) {
      if (first === 0) first = a.charCodeAt(aAt) - b.charCodeAt(bAt);
      aAt++;
      bAt++;
    }
    // Leading zeros are gone, so the longer number is the larger one.
    if (aAt < aEnd && isDigit(a.charCodeAt(aAt))) return 1;
    if (bAt < bEnd && isDigit(b.charCodeAt(bAt))) return -1;
    if (first !== 0) return first;
  }
  return 0;
}

/** `~` sorts before the end of the part, letters after it, everything else after letters; 0 ends the run. */
function weight(text: string, at: number, end: number): number {
  if (at >= end) return 0;
  const code = text.charCodeAt(at);
  if (isDigit(code)) return 0;
  if (code === 0x7e) return -1;
  const isLetter = (code >= 0x61 && code <= 0x7a) || (code >= 0x41 && code <= 0x5a);
  return isLetter ? code : code + 256;
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

function invalid(text: string, fault: string): AshlarError {
  const shown = text.length > 100 ? `${text.slice(0, 100)}...` : text;
  return new AshlarError("DEBIAN_VERSION_INVALID", `Cannot read version ${JSON.stringify(shown)}: ${fault}`);
}
