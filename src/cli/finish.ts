// SPDX-License-Identifier: Apache-2.0
import type { GlobalOptions, Outcome } from "./shell.ts";

/** Prints what a command handed back. */
export type Finish = (outcome: Outcome, options: GlobalOptions) => void;
