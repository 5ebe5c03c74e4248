// SPDX-License-Identifier: Apache-2.0
import { globSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";

/** The house's order: a folder imports only from folders to its left, and only through their index.ts. */
const order = [
  "base",
  "formats",
  "debian",
  "oci",
  "store",
  "fetch",
  "registry",
  "spec",
  "lock",
  "sandbox",
  "assemble",
  "layer",
  "image",
  "sbom",
  "sign",
  "query",
  "pull",
  "mirror",
  "verify",
  "build",
  "ui",
  "cli",
];

/** Returns one line for each import that breaks the order. */
export function checkImports(root: string): string[] {
  const faults: string[] = [];
  for (const file of globSync("src/**/*.ts", { cwd: root }).sort()) {
    const text = readFileSync(join(root, file), "utf8");
    for (const match of text.matchAll(/(?:from|import)\s*\(?\s*"(\.[^"]+)"/g)) {
      const fault = faultOf(file, relative("src", join(dirname(file), match[1] as string)));
      if (fault !== undefined) faults.push(`${file}: ${fault}`);
    }
  }
  return faults;
}

function faultOf(file: string, target: string): string | undefined {
  const [from, to] = [file.split("/")[1] as string, target.split("/")[0] as string];
  if (from === to) return undefined;
  if (!order.includes(from)) return `the folder "${from}" has no place in the order`;
  if (!order.includes(to)) return `import of "${target}" leaves src`;
  if (order.indexOf(to) > order.indexOf(from))
    return `"${from}" imports from "${to}", which lies to its right`;
  const inTest = /\.test\.ts$|\.contract\.ts$|\/testing\//.test(file);
  if (!target.endsWith("/index.ts") && !(inTest && target.includes("/testing/"))) {
    return `import of "${target}" goes past the folder's index.ts`;
  }
  return undefined;
}
