// SPDX-License-Identifier: Apache-2.0
import { AshlarError, limits } from "../../base/index.ts";

/** A question as a package ships it (debconf-devel(7)); translations are left out. */
export interface DebconfTemplate {
  /** e.g. "tzdata/Areas". */
  readonly name: string;
  /** "string", "password", "boolean", "select", "multiselect", "note", "text", "error" or "title". */
  readonly type: string;
  /** "" where there is none. */
  readonly defaultValue: string;
  /** Undefined where there are none or a script fills them in. */
  readonly choices?: readonly string[];
  /** The question in one line. */
  readonly description: string;
}

/**
 * Parses the file `templates` of a control.tar. Where a package's own debconf would only warn, nothing is said:
 * fields that it does not know are passed over. Throws `DEBIAN_TEMPLATES_INVALID` with the line's number.
 */
export function parseTemplates(bytes: Uint8Array, what: string): readonly DebconfTemplate[] {
  if (bytes.length > limits.textBytesMax)
    throw invalid(what, 1, `${bytes.length} bytes, at most ${limits.textBytesMax}`);
  const templates: DebconfTemplate[] = [];
  let fields = new Map<string, string>();
  let start = 1;
  const end = (): void => {
    if (fields.size > 0) templates.push(templateOf(fields, what, start));
    fields = new Map();
  };
  const lines = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("utf8").split("\n");
  lines.forEach((line, i) => {
    if (line === "") return end();
    if (fields.size === 0) start = i + 1;
    // Descriptions go on in further lines, which nobody here needs.
    if (/^\s/.test(line) && fields.size > 0) return;
    const match = /^([-_@.A-Za-z0-9]*):\s?(.*)$/.exec(line);
    if (match === null) throw invalid(what, i + 1, `${JSON.stringify(line.slice(0, 60))} is no field`);
    const name = (match[1] as string).toLowerCase();
    if (fields.has(name)) throw invalid(what, i + 1, `the field "${name.slice(0, 60)}" is there twice`);
    fields.set(name, (match[2] as string).trimEnd());
  });
  end();
  return templates;
}

function templateOf(fields: ReadonlyMap<string, string>, what: string, line: number): DebconfTemplate {
  const name = fields.get("template");
  if (name === undefined || !/^\S+$/.test(name))
    throw invalid(what, line, "a stanza without the name of its template");
  const choices = choicesOf(fields.get("choices-c") ?? fields.get("choices") ?? "");
  return {
    name,
    type: (fields.get("type") ?? "string").trim().toLowerCase(),
    // "-C" is the untranslated form, which is what is stored.
    defaultValue: fields.get("default-c") ?? fields.get("default") ?? "",
    ...(choices !== undefined && { choices }),
    description: fields.get("description") ?? "",
  };
}

/** Parted by a comma and spaces; a comma or space with a backslash before it belongs to the choice. */
export function choicesOf(text: string): readonly string[] | undefined {
  if (text.trim() === "" || text.includes("${")) return undefined;
  return splitList(text);
}

/** Splits choices, or the value of a multiselect. */
export function splitList(text: string): readonly string[] {
  const items: string[] = [];
  let item = "";
  for (const chunk of text.split(/(\\[, ]|,\s+)/)) {
    if (chunk === "\\," || chunk === "\\ ") item += chunk.slice(1);
    else if (/^,\s+$/.test(chunk)) {
      items.push(item);
      item = "";
    } else item += chunk;
  }
  if (item.trim() !== "") items.push(item.trim());
  return items;
}

function invalid(what: string, line: number, fault: string): AshlarError {
  return new AshlarError(
    "DEBIAN_TEMPLATES_INVALID",
    `Cannot read debconf templates of ${what}: line ${line}, ${fault}`,
  );
}
