// SPDX-License-Identifier: Apache-2.0
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";

const linesMax = 300;
const functionLinesMax = 70;
const columnsMax = 120;

/** Returns one line for each file that breaks the house rules on size, header, names and dead exports. */
export function checkTidy(root: string): string[] {
  const files = globSync("{src,tools,bench,test}/**/*.ts", { cwd: root }).sort();
  const texts = new Map(files.map((file) => [file, readFileSync(join(root, file), "utf8")]));
  const faults: string[] = [];
  for (const [file, text] of texts) faults.push(...fileFaults(file, text));
  return [...faults, ...deadExports(texts)];
}

function fileFaults(file: string, text: string): string[] {
  const lines = text.split("\n");
  const faults: string[] = [];
  const say = (line: number, what: string): void => void faults.push(`${file}:${line}: ${what}`);
  if (!text.startsWith("// SPDX-License-Identifier: Apache-2.0\n")) say(1, "the licence line is missing");
  if (lines.length > linesMax) say(1, `${lines.length} lines, at most ${linesMax}`);
  if (!/^[a-z0-9-]+(\.(test|contract))?\.ts$/.test(file.split("/").at(-1) as string))
    say(1, "want a kebab-case name");
  if (/(^|\/)(utils?|helpers?|common|types|misc)(\.ts|\/)/.test(file)) say(1, "the name says nothing");
  lines.forEach((line, i) => {
    if (line.length > columnsMax) say(i + 1, `${line.length} columns, at most ${columnsMax}`);
    if (/\b(TODO|FIXME|XXX)\b/.test(line) && !file.startsWith("tools/tidy"))
      say(i + 1, "unfinished work belongs in an issue");
  });
  if (!/\.(test|contract)\.ts$/.test(file)) faults.push(...longFunctions(file, lines));
  return faults;
}

/** A function starts at a line that opens a body and ends at the line that closes it at the same indent. */
function longFunctions(file: string, lines: readonly string[]): string[] {
  const faults: string[] = [];
  lines.forEach((line, i) => {
    const start =
      /^(\s*)(?:export )?(?:async )?(?:function\*? |(?:static |override |async |#)*[\w#]+\*?\([^;]*\).*\{$)/.exec(
        line,
      );
    if (start === null || !line.trimEnd().endsWith("{")) return;
    const end = lines.findIndex((other, j) => j > i && other === `${start[1]}}`);
    if (end - i > functionLinesMax)
      faults.push(`${file}:${i + 1}: a function of ${end - i} lines, at most ${functionLinesMax}`);
  });
  return faults;
}

/** Exports that no other file names. Re-exports in an index.ts count as use only when somebody imports them. */
function deadExports(texts: ReadonlyMap<string, string>): string[] {
  const words = new Map<string, Set<string>>();
  for (const [file, text] of texts) {
    for (const word of new Set(text.match(/[A-Za-z_$][\w$]*/g))) {
      if (file.endsWith("/index.ts")) continue;
      (words.get(word) ?? words.set(word, new Set()).get(word))?.add(file);
    }
  }
  const faults: string[] = [];
  for (const [file, text] of texts) {
    if (!file.startsWith("src/") || file === "src/spec/define.ts") continue;
    for (const match of text.matchAll(
      /^export (?:declare )?(?:async )?(?:function\*?|const|class|interface|type) ([\w$]+)/gm,
    )) {
      const name = match[1] as string;
      const users = [...(words.get(name) ?? [])].filter((user) => user !== file);
      if (users.length === 0 && !usedInOwnFile(text, name))
        faults.push(`${file}: export "${name}" is used nowhere`);
    }
  }
  return faults;
}

/** A type that describes another export of the same file may be exported for readers. */
function usedInOwnFile(text: string, name: string): boolean {
  const isType = new RegExp(`^export (?:interface|type) ${name.replace("$", "\\$")}\\b`, "m").test(text);
  return isType && (text.match(new RegExp(`\\b${name}\\b`, "g"))?.length ?? 0) > 1;
}
