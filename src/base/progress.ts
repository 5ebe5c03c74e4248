// SPDX-License-Identifier: Apache-2.0
/** What a long step tells while it runs. */
export interface Progress {
  /** Starts a step, e.g. "fetch packages"; `total` in `unit`s where it is known. */
  start(name: string, total?: number, unit?: "bytes" | "items"): ProgressStep;
  /** One line of information. */
  note(text: string): void;
  /** One line that wants attention. */
  warn(text: string): void;
  /** A line that a program wrote while it ran in the sandbox; `from` names the step. */
  log(from: string, line: string): void;
}

export interface ProgressStep {
  advance(amount: number): void;
  /** Ends the step; `summary` says what came of it. */
  done(summary?: string): void;
}
