// SPDX-License-Identifier: Apache-2.0
import { styleText } from "node:util";

import type { Progress, ProgressStep } from "../base/index.ts";
import { type GlobalOptions, type Shell, wantsColour } from "./shell.ts";
import { showBytes } from "./show.ts";
import { terminalText } from "./terminal-text.ts";

type Mode = "live" | "plain" | "json" | "none";

/** Chooses how progress is shown: a bar on a terminal, plain lines elsewhere, JSON lines or nothing on request. */
export function makeProgress(shell: Shell, options: GlobalOptions): Progress {
  const mode = modeOf(shell, options);
  if (mode === "json") return jsonProgress(shell);
  return lineProgress(shell, mode);
}

function modeOf(shell: Shell, options: GlobalOptions): Mode {
  if (options.quiet) return "none";
  const asked = options.progress ?? "auto";
  if (asked !== "auto") return asked === "tty" ? "live" : (asked as Mode);
  const live = shell.errIsTerminal && !shell.env["CI"] && shell.env["TERM"] !== "dumb";
  return live ? "live" : "plain";
}

function jsonProgress(shell: Shell): Progress {
  const line = (value: object): void => shell.err(`${JSON.stringify(value)}\n`);
  return {
    start(name, total, unit) {
      let done = 0;
      line({ event: "start", step: name, total, unit });
      return {
        advance: (amount) => void (done += amount),
        done: (summary) => line({ event: "done", step: name, amount: done, summary }),
      };
    },
    note: (text) => line({ event: "note", text }),
    warn: (text) => line({ event: "warning", text }),
    log: (from, text) => line({ event: "log", step: from, text }),
  };
}

function lineProgress(shell: Shell, mode: Mode): Progress {
  const colour = wantsColour(shell);
  const paint = (format: "green" | "yellow" | "dim", text: string): string =>
    colour ? styleText(format, text, { validateStream: false }) : text;
  return {
    start: (name, total, unit) =>
      mode === "live" ? liveStep(shell, { name, total, unit, paint }) : plainStep(shell, mode, name),
    note: (text) => void (mode !== "none" && shell.err(`${terminalText(text)}\n`)),
    warn: (text) => shell.err(`${paint("yellow", "warning")}: ${terminalText(text)}\n`),
    log(from, text) {
      if (mode === "none") return;
      const clear = mode === "live" ? "\r\u001b[2K" : "";
      shell.err(`${clear}${paint("dim", `${from} |`)} ${text}\n`);
    },
  };
}

function plainStep(shell: Shell, mode: Mode, name: string): ProgressStep {
  return {
    advance: () => {},
    done: (summary) =>
      void (mode !== "none" && shell.err(`${name}${summary === undefined ? "" : `: ${summary}`}\n`)),
  };
}

interface LiveStep {
  readonly name: string;
  readonly total: number | undefined;
  readonly unit: "bytes" | "items" | undefined;
  readonly paint: (format: "green" | "yellow" | "dim", text: string) => string;
}

/** Redraws at most this often, counted in steps of the bar, so that drawing costs nothing. */
const barCells = 24;

function liveStep(shell: Shell, step: LiveStep): ProgressStep {
  let done = 0;
  let drawn = -1;
  const draw = (): void => {
    const cells = step.total ? Math.min(barCells, Math.floor((done / step.total) * barCells)) : 0;
    if (cells === drawn) return;
    drawn = cells;
    shell.err(`\r\u001b[2K${barLine(step, done, cells).slice(0, shell.columns + 16)}`);
  };
  draw();
  return {
    advance: (amount) => {
      done += amount;
      draw();
    },
    done: (summary) => {
      const tail = summary === undefined ? "" : `: ${summary}`;
      shell.err(`\r\u001b[2K${step.paint("green", "✓")} ${step.name}${tail}\n`);
    },
  };
}

function barLine(step: LiveStep, done: number, cells: number): string {
  if (step.total === undefined) return `${step.paint("dim", "…")} ${step.name}`;
  const bar = "█".repeat(cells) + step.paint("dim", "░".repeat(barCells - cells));
  const show = step.unit === "bytes" ? showBytes : String;
  return `  ${step.name} ${bar} ${show(done)} of ${show(step.total)}`;
}
