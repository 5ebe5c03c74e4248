// SPDX-License-Identifier: Apache-2.0

export interface StatusOptions {
  /** The words of the field Status, e.g. "install ok unpacked". */
  readonly status: string;
  /** Lines of the field Conffiles: " PATH MD5". */
  readonly conffiles: readonly string[];
}

/**
 * Makes a stanza of dpkg's status file out of a package's control file: word for word, so that no field is
 * lost, with what dpkg adds. Ends in a line feed; undefined where the file holds no stanza.
 */
export function statusStanza(control: string, { status, conffiles }: StatusOptions): string | undefined {
  const lines = control.split("\n");
  const start = lines.findIndex((line) => line.trim() !== "");
  const end = lines.findIndex((line, i) => i > start && line.trim() === "");
  const stanza = withoutFields(
    lines.slice(start, end < 0 ? undefined : end),
    /^(status|conffiles|config-version):/i,
  );
  if (start < 0 || !/^[\w-]+:/.test(stanza[0] ?? "")) return undefined;
  const at = stanza.findIndex((line) => /^package:/i.test(line)) + 1;
  const more = conffiles.length === 0 ? [] : ["Conffiles:", ...conffiles];
  return [...stanza.slice(0, at), `Status: ${status}`, ...stanza.slice(at), ...more, ""].join("\n");
}

function withoutFields(lines: readonly string[], field: RegExp): readonly string[] {
  let dropping = false;
  return lines.filter((line) => {
    if (!/^[ \t]/.test(line)) dropping = field.test(line);
    return !dropping;
  });
}
