// SPDX-License-Identifier: Apache-2.0
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const page = join(import.meta.dirname, "../docs/benchmarks.md");

/** Replaces a section of docs/benchmarks.md, from its heading to the next one of that level, or appends it. */
export function writeSection(heading: string, body: string): void {
  const text = readFileSync(page, "utf8");
  const sections = text.split(/^(?=## )/m);
  const section = `## ${heading}\n\n${body.trim()}\n`;
  const at = sections.findIndex((one) => one.startsWith(`## ${heading}\n`));
  if (at < 0) sections.push(`\n${section}`);
  else sections[at] = at === sections.length - 1 ? section : `${section}\n`;
  writeFileSync(page, sections.join(""));
}

/** What stands before the first section. */
export function writeBeginning(body: string): void {
  const text = readFileSync(page, "utf8");
  writeFileSync(page, `${body.trim()}\n\n${text.slice(text.search(/^## /m))}`);
}
