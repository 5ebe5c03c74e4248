// SPDX-License-Identifier: Apache-2.0
import { setFlagsFromString } from "node:v8";

/**
 * Makes this process keep its heap small rather than collect seldom: for work on millions of rows that each live for
 * a moment, which costs no time that can be measured (half a million contents: 130 instead of 430 MB).
 */
export function preferMemory(): void {
  setFlagsFromString("--optimize-for-size");
}
