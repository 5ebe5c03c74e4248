// SPDX-License-Identifier: Apache-2.0
/** Bytes from `start` up to, not including, `end`. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

/** Bytes and requests of one step: everything in it is asked for at once, the next step waits for it. */
export interface Step {
  readonly bytes: number;
  readonly requests: number;
}

/** Gaps up to this are cheaper to read than another request. */
const gapBytesMax = 2048;

/**
 * Merges ranges into single ranges: small gaps first, then the smallest ones until at most `countMax` requests are
 * left. Each list has the sorted ranges of one blob.
 */
export function planRanges(blobs: readonly (readonly Range[])[], countMax: number): Step {
  const gaps = blobs.flatMap((ranges) =>
    ranges.slice(1).map((range, i) => range.start - (ranges[i] as Range).end),
  );
  let bytes = exactBytes(blobs);
  let requests = blobs.flat().length;
  for (const gap of gaps.sort((a, b) => a - b)) {
    if (gap > gapBytesMax && requests <= countMax) break;
    bytes += gap;
    requests--;
  }
  return { bytes, requests };
}

/** The bytes of ranges without what lies between them. */
export function exactBytes(blobs: readonly (readonly Range[])[]): number {
  return blobs.flat().reduce((sum, range) => sum + range.end - range.start, 0);
}

/** Adds steps of several layers that are taken side by side. */
export function sideBySide(steps: readonly Step[]): Step {
  return {
    bytes: steps.reduce((sum, step) => sum + step.bytes, 0),
    requests: steps.reduce((sum, step) => sum + step.requests, 0),
  };
}

const roundTripSeconds = 0.05;
const bytesPerSecond = 100e6 / 8;
const firstWindowBytes = 10 * 1460;

/** Seconds of dependent steps on a link of 50 ms a round trip and 100 Mbit/s, whose window is open from the start. */
export function openLinkSeconds(steps: readonly Step[]): number {
  return steps.reduce((sum, { bytes }) => sum + roundTripSeconds + bytes / bytesPerSecond, 0);
}

/**
 * The same with TCP's slow start on one connection, which is kept: the window starts at ten segments and
 * doubles each round trip until it fills the link. Connecting is left out: it is the same for all forms.
 */
export function slowStartSeconds(steps: readonly Step[]): number {
  const full = roundTripSeconds * bytesPerSecond;
  let window = firstWindowBytes;
  let seconds = 0;
  for (const { bytes } of steps) {
    let left = bytes;
    while (left > window && window < full) {
      left -= window;
      window = Math.min(full, window * 2);
      seconds += roundTripSeconds;
    }
    seconds += roundTripSeconds + left / bytesPerSecond;
  }
  return seconds;
}
