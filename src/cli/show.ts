// SPDX-License-Identifier: Apache-2.0
/** A size as people read it: decimal units, one digit behind the point above a kilobyte. */
export function showBytes(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  const units = ["kB", "MB", "GB", "TB"];
  let value = bytes;
  let unit = "B";
  for (const next of units) {
    if (value < 1000) break;
    value /= 1000;
    unit = next;
  }
  return `${value.toFixed(1)} ${unit}`;
}

/** Rows as columns, each as wide as its widest cell; cells given as numbers stand to the right. */
export function showTable(rows: readonly (readonly (string | number)[])[]): string {
  const widths: number[] = [];
  for (const row of rows)
    row.forEach((cell, i) => (widths[i] = Math.max(widths[i] ?? 0, String(cell).length)));
  const lines = rows.map((row) =>
    row
      .map((cell, i) => {
        const width = widths[i] as number;
        return typeof cell === "number" ? String(cell).padStart(width) : cell.padEnd(width);
      })
      .join("  ")
      .trimEnd(),
  );
  return lines.map((line) => `${line}\n`).join("");
}

/** A text from an image, made harmless for a terminal: control characters stand as escapes. */
export function printable(text: string): string {
  // With the flag u a pair of surrogates is one character, so only lone ones match.
  return text.replace(/[\u0000-\u001f\u007f-\u009f\ud800-\udfff]/gu, (char) => {
    return `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}
