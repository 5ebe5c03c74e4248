// SPDX-License-Identifier: Apache-2.0
import { AshlarError, limits } from "../../base/index.ts";

/** A question or a template in one of debconf's own databases. */
export interface DebconfItem {
  /** By the name in lower case: value, template; of templates also type, default, choices, description, ... */
  readonly fields: ReadonlyMap<string, string>;
  readonly owners: readonly string[];
  /** e.g. "seen". */
  readonly flags: ReadonlySet<string>;
  readonly variables: ReadonlyMap<string, string>;
}

/**
 * Parses config.dat, passwords.dat or templates.dat in /var/cache/debconf: stanzas of `Name`, fields, `Owners`,
 * `Flags` and `Variables` with ` name = value` in further lines; `\n` in a value is a line end. Stanzas by name;
 * one without a name is passed over, as debconf does. Throws `ASSEMBLE_DEBCONF_INVALID` with the line's number.
 */
export function parseDebconfDatabase(bytes: Uint8Array, what: string): ReadonlyMap<string, DebconfItem> {
  const items = new Map<string, DebconfItem>();
  if (bytes.length > limits.textBytesMax)
    throw invalid(what, 1, `${bytes.length} bytes, at most ${limits.textBytesMax}`);
  let stanza = new Stanza();
  const lines = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("utf8").split("\n");
  lines.forEach((line, i) => {
    if (line !== "") {
      if (!stanza.take(line)) throw invalid(what, i + 1, `${JSON.stringify(line.slice(0, 60))} is no field`);
      return;
    }
    if (stanza.name !== undefined) items.set(stanza.name, stanza);
    stanza = new Stanza();
  });
  if (stanza.name !== undefined) items.set(stanza.name, stanza);
  return items;
}

class Stanza implements DebconfItem {
  name: string | undefined;
  readonly fields = new Map<string, string>();
  owners: readonly string[] = [];
  flags: ReadonlySet<string> = new Set();
  readonly variables = new Map<string, string>();
  #inVariables = false;

  /** False where a line is none of this format. */
  take(line: string): boolean {
    if (this.#inVariables && /^\s/.test(line)) return this.#takeVariable(line.trimStart());
    this.#inVariables = false;
    const colon = line.indexOf(":");
    if (colon < 1) return false;
    const key = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).replace(/^\s/, "");
    if (key === "name") this.name = value;
    else if (key === "owners") this.owners = value.split(/,\s+/);
    else if (key === "flags") this.flags = new Set(value.split(/,\s+/));
    else if (key === "variables") this.#inVariables = true;
    else this.fields.set(key, value.replaceAll("\\n", "\n"));
    return true;
  }

  #takeVariable(text: string): boolean {
    const sign = text.indexOf("=");
    if (sign < 0) return false;
    this.variables.set(
      text.slice(0, sign).trimEnd(),
      text
        .slice(sign + 1)
        .replace(/^\s/, "")
        .replaceAll("\\n", "\n"),
    );
    return true;
  }
}

function invalid(what: string, line: number, fault: string): AshlarError {
  return new AshlarError("ASSEMBLE_DEBCONF_INVALID", `Cannot read debconf's ${what}: line ${line}, ${fault}`);
}
