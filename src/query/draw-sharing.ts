// SPDX-License-Identifier: Apache-2.0
import { type ImageShare, pairBytes, type Sharing } from "./measure-sharing.ts";
import { element, svgText } from "./svg.ts";

/** More images than these are not drawn; the largest are. */
const imagesMax = 24;
const margin = 24;
const rowHeight = 26;
const barWidth = 320;
const cellWidth = 50;
/** What a character takes at most on the average, in the fonts a viewer may have. */
const charWidth = 7.6;
const labelCharsMax = 40;

/** Light, and dark where the viewer prefers it. Segments differ in lightness, so they do without colours too. */
const style = `
text{font:13px system-ui,"DejaVu Sans",sans-serif;fill:#1f2328}
.title{font-size:18px;font-weight:600}.soft{fill:#59636e}.small{font-size:11px}
.paper{fill:#fff}.line{stroke:#d1d9e0}.track{fill:#eff2f5}
.own{fill:#9a3b00}.some{fill:#2f6fb5}.all{fill:#9cc7ee}.kept{fill:#1a7f5a}.plain{fill:#afb8c1}
@media (prefers-color-scheme:dark){text{fill:#e6edf3}.soft{fill:#9198a1}.paper{fill:#0d1117}.line{stroke:#3d444d}
.track{fill:#1b2129}.own{fill:#f0883e}.some{fill:#4493f8}.all{fill:#244a78}
.kept{fill:#3fb950}.plain{fill:#59636e}}
`;

/**
 * Draws who shares what as an SVG 1.1 document: a bar an image, split into what no other, some others and all have;
 * what each two have in common; and what all cost together, kept once or not. No scripts, nothing loaded from
 * elsewhere; the same sharing gives the same bytes.
 */
export function drawSharing(sharing: Sharing): string {
  const shown = chooseImages(sharing.images);
  const images = shown.map((i) => sharing.images[i] as ImageShare);
  const unit = unitFor(Math.max(0, ...images.map((image) => image.storedBytes)));
  const page = planPage(images);
  const parts = [
    ...heading(sharing, images.length),
    ...legend(),
    ...bars(images, page, unit),
    ...matrix(pairBytes(sharing, shown), page, unit),
    ...totals(sharing, page),
  ];
  const size = { width: page.width, height: page.height, viewBox: `0 0 ${page.width} ${page.height}` };
  return `${element(
    "svg",
    { xmlns: "http://www.w3.org/2000/svg", ...size, role: "img" },
    element("title", {}, svgText("What images share")),
    element("style", {}, style),
    element("rect", { class: "paper", width: page.width, height: page.height }),
    ...parts.map((part) => `\n${part}`),
    "\n",
  )}\n`;
}

function chooseImages(images: readonly ImageShare[]): number[] {
  const bySize = images.map((_, i) => i).sort((a, b) => {
    return (images[b] as ImageShare).storedBytes - (images[a] as ImageShare).storedBytes || a - b;
  });
  return bySize.slice(0, imagesMax).sort((a, b) => a - b);
}

interface Page {
  readonly barX: number;
  readonly matrixX: number;
  readonly rowsY: number;
  readonly totalsY: number;
  readonly width: number;
  readonly height: number;
}

function planPage(images: readonly ImageShare[]): Page {
  const chars = Math.max(10, ...images.map(({ name }) => label(name).length));
  const barX = margin + 24 + chars * charWidth;
  const matrixX = barX + barWidth + 90;
  const rowsY = 136;
  const totalsY = rowsY + images.length * rowHeight + 48;
  const columns = Math.max(0, images.length - 1);
  const width = Math.ceil(Math.max(matrixX + columns * cellWidth, 720) + margin);
  return { barX, matrixX, rowsY, totalsY, width, height: totalsY + 3 * rowHeight + margin };
}

function heading({ images, total }: Sharing, drawn: number): string[] {
  const rest = images.length > drawn ? `, the ${drawn} largest drawn` : "";
  const unit = unitFor(total.storedBytes);
  const kept = `${total.contents} distinct files, ${unit.show(total.storedBytes)} ${unit.name} compressed`;
  return [
    text(margin, 38, "What images share", { class: "title" }),
    text(margin, 60, `${images.length} ${images.length === 1 ? "image" : "images"}${rest}: ${kept}`, { class: "soft" }),
  ];
}

const kinds = [
  ["own", "in this image only", "ownBytes"],
  ["some", "in some others too", "withSomeBytes"],
  ["all", "in every image", "withAllBytes"],
] as const;

function legend(): string[] {
  return kinds.flatMap(([kind, means], i) => {
    const x = margin + i * 170;
    return [element("rect", { class: kind, x, y: 76, width: 14, height: 14, rx: 2 }), text(x + 22, 88, means)];
  });
}

function bars(images: readonly ImageShare[], page: Page, unit: Unit): string[] {
  const most = Math.max(1, ...images.map((image) => image.storedBytes));
  return images.flatMap((image, i) => {
    const y = page.rowsY + i * rowHeight;
    let x = page.barX;
    const segments = kinds.map(([kind, means, part]) => {
      const width = (image[part] / most) * barWidth;
      const tip = `${image.name}: ${unit.show(image[part])} ${unit.name} ${means}`;
      const rect = element("rect", { class: kind, x, y: y + 4, width, height: rowHeight - 8 }, title(tip));
      x += width;
      return image[part] === 0 ? "" : rect;
    });
    return [
      text(margin + 16, y + 18, String(i + 1), { class: "soft small", "text-anchor": "end" }),
      text(margin + 24, y + 18, label(image.name), {}, title(image.name)),
      ...segments.filter(Boolean),
      text(x + 8, y + 18, `${unit.show(image.storedBytes)} ${unit.name}`, { class: "soft" }),
    ];
  });
}

function matrix(pairs: readonly (readonly number[])[], page: Page, unit: Unit): string[] {
  if (pairs.length < 2) return [];
  const heads = pairs.slice(1).map((_, i) => {
    const attributes = { class: "soft small", "text-anchor": "middle" };
    return text(page.matrixX + (i + 0.5) * cellWidth, page.rowsY - 8, String(i + 2), attributes);
  });
  const what = text(page.matrixX, page.rowsY - 28, `${unit.name} that two have in common`, { class: "soft" });
  return [what, ...heads, ...pairs.flatMap((row, i) => row.flatMap((bytes, j) => {
    if (j <= i) return [];
    const [x, y] = [page.matrixX + (j - 1) * cellWidth, page.rowsY + i * rowHeight];
    const least = Math.min(row[i] as number, (pairs[j] as readonly number[])[j] as number);
    const part = least === 0 ? 0 : bytes / least;
    const box = { x: x + 1, y: y + 1, width: cellWidth - 2, height: rowHeight - 2, rx: 2 };
    const tip = title(`${i + 1} and ${j + 1}: ${Math.round(part * 100)} % of the smaller one`);
    const middle = { class: "small", "text-anchor": "middle" };
    return [
      element("rect", { class: "track", ...box }),
      element("rect", { class: "some", ...box, "fill-opacity": part * 0.5 }, tip),
      text(x + cellWidth / 2, y + 17, unit.show(bytes), middle),
    ];
  }))];
}

function totals({ total, images }: Sharing, page: Page): string[] {
  const rows = [
    ["kept", "every file once", total.storedBytes],
    ["plain", "plain layers, equal ones once", total.layerBytes],
    ["plain", "plain layers, nothing shared", total.wholeBytes],
  ] as const;
  const most = Math.max(1, ...rows.map(([, , bytes]) => bytes));
  const unit = unitFor(most);
  const y = page.totalsY;
  const x = margin + 24 + 30 * charWidth;
  const line = { class: "line", x1: margin, y1: y - 36, x2: page.width - margin, y2: y - 36 };
  const head = text(margin, y - 12, `What all ${images.length} cost together`, { class: "soft" });
  return [element("line", line), head, ...rows.flatMap(([kind, means, bytes], i) => {
    const width = (bytes / most) * barWidth;
    const top = y + i * rowHeight;
    return [
      text(margin + 24, top + 18, means),
      element("rect", { class: kind, x, y: top + 4, width, height: rowHeight - 8 }),
      text(x + width + 8, top + 18, `${unit.show(bytes)} ${unit.name}`, { class: "soft" }),
    ];
  })];
}

interface Unit {
  readonly name: string;
  readonly show: (bytes: number) => string;
}

/** One unit for figures that stand side by side, chosen by the largest. */
function unitFor(most: number): Unit {
  const [name, bytes] = most >= 1e10 ? ["GB", 1e9] as const : most >= 1e7 ? ["MB", 1e6] as const : ["kB", 1e3] as const;
  return { name, show: (value) => (value > 0 && value < bytes / 20 ? "<0.1" : (value / bytes).toFixed(1)) };
}

/** A name that is too long loses its beginning: what tells images apart is at the end. */
function label(name: string): string {
  const chars = [...name];
  return chars.length <= labelCharsMax ? name : `…${chars.slice(1 - labelCharsMax).join("")}`;
}

function title(words: string): string {
  return element("title", {}, svgText(words));
}

function text(
  x: number,
  y: number,
  words: string,
  attributes: Readonly<Record<string, string>> = {},
  inside = "",
): string {
  return element("text", { x, y, ...attributes }, inside, svgText(words));
}
