// SPDX-License-Identifier: Apache-2.0

/**
 * Text that others wrote, as a terminal may have it: control characters (ECMA-48: C0 but tabulator and newline,
 * DEL, C1) are shown as `\xNN` and do nothing.
 */
export function terminalText(text: string): string {
  return text.replace(
    /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g,
    (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`,
  );
}
