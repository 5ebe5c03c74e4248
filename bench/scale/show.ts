// SPDX-License-Identifier: Apache-2.0
import type { Row } from "./measures.ts";

export function showScale(rows: readonly Row[]): void {
  console.log(JSON.stringify(rows));
}
