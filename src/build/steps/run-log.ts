// SPDX-License-Identifier: Apache-2.0
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from "node:fs";
import { dirname } from "node:path";

import type { SecretForm } from "./secret-forms.ts";
import { SecretSearch } from "./find-secrets.ts";
import { SecretMask } from "./mask-secrets.ts";

const lastLineCount = 12;
/** A longer line is cut where people see it; the kept log has it whole. */
const lineCharsMax = 2000;

export interface RunLogOptions {
  /** The file that keeps the whole log if the run fails. */
  readonly path: string;
  /** Hears of each line. */
  readonly onLine: (line: string) => void;
  readonly secrets: readonly SecretForm[];
}

/**
 * What programs write while they run: shown line by line, kept in a file, without secrets. `leaked` tells
 * which secret was in it.
 */
export class RunLog {
  readonly #options: RunLogOptions;
  readonly #mask: SecretMask;
  readonly #search: SecretSearch;
  readonly #decoder = new TextDecoder();
  #file: number | undefined;
  #line = "";
  #last: string[] = [];

  constructor(options: RunLogOptions) {
    this.#options = options;
    this.#mask = new SecretMask(options.secrets);
    this.#search = new SecretSearch(options.secrets);
  }

  get path(): string {
    return this.#options.path;
  }

  get leaked(): SecretForm | undefined {
    return this.#search.found;
  }

  /** The end of the log, at most 12 lines. */
  get lastLines(): readonly string[] {
    return this.#last;
  }

  write(bytes: Uint8Array): void {
    this.#search.push(bytes);
    this.#add(this.#mask.push(bytes));
  }

  /** Ends the log; the file stays only where `keep` says so. */
  end(keep: boolean): void {
    this.#add(this.#mask.end());
    if (this.#line !== "") this.#endLine();
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
    if (!keep) rmSync(this.#options.path, { force: true });
  }

  #add(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#keep(bytes);
    const [first = "", ...others] = this.#decoder.decode(bytes, { stream: true }).split("\n");
    this.#line += first;
    for (const text of others) {
      this.#endLine();
      this.#line = text;
    }
    if (this.#line.length > 4 * lineCharsMax) this.#line = this.#line.slice(-2 * lineCharsMax);
  }

  #keep(bytes: Uint8Array): void {
    if (this.#file === undefined) {
      mkdirSync(dirname(this.#options.path), { recursive: true, mode: 0o700 });
      // Another user's or an earlier run's file is not written through.
      rmSync(this.#options.path, { force: true });
      this.#file = openSync(this.#options.path, "wx", 0o600);
    }
    for (let at = 0; at < bytes.length;) at += writeSync(this.#file, bytes, at);
  }

  #endLine(): void {
    const line = showLine(this.#line);
    this.#line = "";
    this.#last = [...this.#last.slice(1 - lastLineCount), line];
    this.#options.onLine(line);
  }
}

/** A line without what would move the cursor or colour the terminal; of one that overwrote itself the last state. */
function showLine(line: string): string {
  const state = line.replace(/\r+$/, "");
  return (
    state
      .slice(state.lastIndexOf("\r") + 1)
      // Escape sequences (ECMA-48), then all other control characters but the tabulator.
      .replace(/\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|[ -/]*[0-~])/g, "")
      .replace(/[\u0000-\u0008\u000a-\u001f\u007f-\u009f]/g, "")
      .slice(0, lineCharsMax)
  );
}
