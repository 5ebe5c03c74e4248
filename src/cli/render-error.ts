// SPDX-License-Identifier: Apache-2.0
import { styleText } from "node:util";

import { AshlarError, type Json, type Place } from "../base/index.ts";
import { terminalText } from "./terminal-text.ts";

interface Style {
  readonly colour: boolean;
  /** Show the stack of an internal error. */
  readonly debug: boolean;
}

type Paint = (format: "red" | "bold" | "blue" | "green", text: string) => string;

/** Draws an error for people: what, where with the excerpt, because of what, and the next command. */
export function renderError(error: unknown, { colour, debug }: Style): string {
  const paint: Paint = (format, text) => {
    const shown = terminalText(text);
    return colour ? styleText(format, shown, { validateStream: false }) : shown;
  };
  if (!(error instanceof AshlarError)) return renderInternal(error, paint, debug);
  const lines = [`${paint("red", `error[${error.code}]`)}${paint("bold", `: ${error.message}`)}`];
  if (error.where !== undefined) lines.push(...renderPlace(error.where, paint));
  error.because.forEach((reason, i) => lines.push(indent(reason, i === 0 ? "  because: " : "           ")));
  if (error.hint !== undefined) lines.push(indent(error.hint, `  ${paint("green", "help")}: `, "        "));
  if (debug && error.stack !== undefined) lines.push(error.stack);
  return `${lines.join("\n")}\n`;
}

function renderPlace(where: Place, paint: Paint): string[] {
  const position = [where.line, where.column].filter((part) => part !== undefined);
  const lines = [`  ${paint("blue", "-->")} ${terminalText([where.file, ...position].join(":"))}`];
  if (where.excerpt !== undefined) lines.push(...terminalText(where.excerpt).split("\n").map((line) => `    ${line}`));
  return lines;
}

function indent(text: string, first: string, rest = " ".repeat(first.length)): string {
  return terminalText(text)
    .split("\n")
    .map((line, i) => (i === 0 ? first : rest) + line)
    .join("\n");
}

function renderInternal(error: unknown, paint: Paint, debug: boolean): string {
  const message = error instanceof Error ? error.message : String(error);
  const stack = debug && error instanceof Error ? `\n${error.stack}` : "";
  const advice = "this is a fault of Ashlar; run again with --debug and report what it prints";
  const hint = `  ${paint("green", "help")}: ${advice}`;
  return `${paint("red", "error[INTERNAL]")}${paint("bold", `: ${message}`)}${stack}\n${hint}\n`;
}

/** The same as a value for `--json`. */
export function errorJson(error: unknown): Json {
  if (!(error instanceof AshlarError)) {
    return { error: { code: "INTERNAL", message: error instanceof Error ? error.message : String(error) } };
  }
  const { code, message, hint, where, because, details } = error;
  const shown = Object.fromEntries(Object.entries(details).map(([name, value]) => [name, detailJson(value)]));
  return { error: { code, message, hint, where: where as Json | undefined, because, details: shown } };
}

/** Several faults of one document are errors themselves. */
function detailJson(value: unknown): Json {
  if (Array.isArray(value)) return value.map(detailJson);
  return value instanceof AshlarError ? errorJson(value) : (value as Json);
}
