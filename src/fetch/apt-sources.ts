// SPDX-License-Identifier: Apache-2.0
/** One stanza or line of apt's source list. */
export interface AptSource {
  readonly uris: readonly string[];
  readonly suites: readonly string[];
  readonly components: readonly string[];
  /** As written; absent where the host's trusted keys count. */
  readonly signedBy?: string;
  /** The file it stands in, for messages. */
  readonly file: string;
}

/** A file of apt's configuration: its name decides the format (`.sources` is deb822). */
export interface AptSourcesFile {
  readonly name: string;
  readonly text: string;
}

/** A host has tens of sources; a file with more is not read to its end. */
const sourceCountMax = 1000;

/**
 * Parses one file of `/etc/apt/sources.list.d` or `/etc/apt/sources.list` (sources.list(5)). Gives the
 * enabled `deb` entries in the order of the file. Lines that make no sense are left out: they belong to
 * another program, and no trust rests on them. Throws nothing.
 */
export function parseAptSources(file: AptSourcesFile): readonly AptSource[] {
  const sources = file.name.endsWith(".sources") ? stanzasOf(file) : linesOf(file);
  return sources.slice(0, sourceCountMax);
}

function linesOf({ name, text }: AptSourcesFile): AptSource[] {
  const sources: AptSource[] = [];
  for (const raw of text.split("\n")) {
    const line = raw.replace(/#.*/, "").trim();
    const match = /^deb\s+(?:\[([^\]]*)\]\s*)?(\S+)\s+(\S+)((?:\s+\S+)*)$/.exec(line);
    if (match === null) continue;
    const signedBy = /(?:^|\s)signed-by=(\S+)/i.exec(match[1] ?? "")?.[1];
    sources.push({
      uris: [match[2] as string],
      suites: [match[3] as string],
      components: wordsOf(match[4]),
      ...(signedBy === undefined ? {} : { signedBy }),
      file: name,
    });
  }
  return sources;
}

function stanzasOf({ name, text }: AptSourcesFile): AptSource[] {
  const sources: AptSource[] = [];
  const lines = text.split("\n").filter((line) => !line.startsWith("#"));
  for (const stanza of lines.join("\n").split(/\n[ \t\r]*\n/)) {
    const fields = fieldsOf(stanza);
    if (!wordsOf(fields.get("types")).includes("deb")) continue;
    if (/^(no|false|0|off|without|disable)$/i.test(fields.get("enabled")?.trim() ?? "yes")) continue;
    const signedBy = fields.get("signed-by")?.trim();
    sources.push({
      uris: wordsOf(fields.get("uris")),
      suites: wordsOf(fields.get("suites")),
      components: wordsOf(fields.get("components")),
      ...(signedBy === undefined ? {} : { signedBy }),
      file: name,
    });
  }
  return sources;
}

function fieldsOf(stanza: string): Map<string, string> {
  const fields = new Map<string, string>();
  let current: string | undefined;
  for (const line of stanza.split("\n")) {
    const start = /^([A-Za-z][\w-]*):(.*)$/.exec(line);
    if (start !== null) {
      current = (start[1] as string).toLowerCase();
      fields.set(current, start[2] as string);
    } else if (current !== undefined && /^[ \t]/.test(line)) {
      fields.set(current, `${fields.get(current)}\n${line}`);
    }
  }
  return fields;
}

function wordsOf(text: string | undefined): string[] {
  return (text ?? "").split(/\s+/).filter((word) => word !== "");
}
