// SPDX-License-Identifier: Apache-2.0
import { flipBit, seededPlaces } from "./flip-bit.ts";
import { keepStill } from "./keep-still.ts";
import { isDone, type Kept } from "./peers.ts";

/**
 * Flips one bit at a time, each byte of the store as likely as any other; tells how many the check finds. `dir` is
 * what is put back each time: the store, and what its program keeps beside it.
 */
export function tallyFlips(
  { store, check }: Kept,
  dir: string,
  options: { readonly count: number; readonly seed: number },
): string {
  const putBack = keepStill(dir);
  putBack();
  if (!isDone(check)) throw new Error(`${store}: the check finds a fault where there is none`);
  const missed: string[] = [];
  for (const place of seededPlaces(store, options)) {
    putBack();
    flipBit(store, place);
    if (isDone(check)) missed.push(place.path);
  }
  putBack();
  const kinds = Map.groupBy(missed, (path) => path.replaceAll(/[0-9a-f]{6,}/g, "*"));
  const where = [...kinds].map(([kind, all]) => `${all.length} in ${kind}`).join(", ");
  const found = `${options.count - missed.length} of ${options.count} found`;
  return where === "" ? found : `${found}; missed: ${where}`;
}
