// SPDX-License-Identifier: Apache-2.0
export interface Line {
  readonly name: string;
  readonly points: readonly (readonly [number, number])[];
}

const [width, height, left, bottom, top] = [640, 320, 60, 50, 20];
const right = 150;
const colours = ["#0072b2", "#d55e00", "#009e73"];
const style = `text{font:12px sans-serif;fill:#222}path{fill:none;stroke-width:2}
.axis{stroke:#888;stroke-width:1}
@media (prefers-color-scheme:dark){text{fill:#ddd}}`;

/** Draws lines, both scales logarithmic (the first of the number and one); the same lines give the same bytes. */
export function plotLines(lines: readonly Line[], names: { readonly x: string; readonly y: string }): string {
  const all = lines.flatMap(({ points }) => points);
  const [xMax, yMax] = [Math.max(...all.map(([x]) => x)), Math.max(...all.map(([, y]) => y))];
  const atX = (x: number): number => left + (Math.log10(x + 1) / Math.log10(xMax + 1)) * (width - left - right);
  const atY = (y: number): number => {
    const share = (Math.log10(y) + 1) / (Math.log10(yMax) + 1);
    return height - bottom - share * (height - bottom - top);
  };
  const ticksX = [0, 1, 10, 100, 1000].filter((x) => x <= xMax);
  const ticksY = [0.1, 1, 10, 100].filter((y) => y <= yMax);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img">`,
    `<style>${style}</style>`,
    `<path class="axis" d="M${left} ${top}V${height - bottom}H${width - right}"/>`,
    ...ticksX.map((x) => text(atX(x), height - bottom + 18, `${x}`, "middle")),
    ...ticksY.map((y) => text(left - 8, atY(y) + 4, `${y}`, "end")),
    text((left + width - right) / 2, height - 10, names.x, "middle"),
    text(8, 14, names.y, "start"),
    ...lines.flatMap(({ name, points }, i) => drawLine({ name, points, colour: colours[i] ?? "#888" }, atX, atY)),
    "</svg>\n",
  ].join("\n");
}

function drawLine(
  { name, points, colour }: Line & { readonly colour: string },
  atX: (x: number) => number,
  atY: (y: number) => number,
): string[] {
  const places = points.map(([x, y]) => `${atX(x).toFixed(1)} ${atY(y).toFixed(1)}`);
  const [x, y] = points.at(-1) ?? [0, 1];
  return [
    `<path stroke="${colour}" d="M${places.join("L")}"/>`,
    text(atX(x) + 6, atY(y) + 4, name, "start"),
  ];
}

function text(x: number, y: number, words: string, anchor: string): string {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}">${words}</text>`;
}
