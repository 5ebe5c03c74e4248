// SPDX-License-Identifier: Apache-2.0

/** An element as text; children are elements, or text made by `svgText`. Numbers get at most two digits. */
export function element(
  name: string,
  attributes: Readonly<Record<string, string | number>>,
  ...children: readonly string[]
): string {
  const written = Object.entries(attributes).map(([key, value]) => ` ${key}="${svgText(shown(value))}"`);
  const start = `<${name}${written.join("")}`;
  return children.length === 0 ? `${start}/>` : `${start}>${children.join("")}</${name}>`;
}

function shown(value: string | number): string {
  return typeof value === "string" ? value : String(Math.round(value * 100) / 100);
}

/** Any text as text of a document: what XML 1.0 cannot say stands as U+FFFD. */
export function svgText(text: string): string {
  return text
    .toWellFormed()
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\ufffe\uffff]/g, "\uFFFD")
    .replace(/[&<>"]/g, (char) => `&#${char.charCodeAt(0)};`);
}
