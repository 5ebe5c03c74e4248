// SPDX-License-Identifier: Apache-2.0
/** Small package universes for tests: a line a package, `name version; Field: value; Field: value`. */
import { digestOf } from "../../base/index.ts";
import { type PackageIndex, parsePackages } from "../packages-index.ts";
import type { Solution, SolveRequest } from "./request.ts";
import { solve } from "./solve.ts";

export function indexOf(text: string, options: { source?: string; architecture?: string } = {}): PackageIndex {
  const { source = "suite", architecture = "amd64" } = options;
  const lines = text.split("\n").map((line) => line.trim()).filter((line) => line !== "");
  const stanzas = lines.map((line) => stanzaOf(line, architecture));
  return parsePackages(Buffer.from(stanzas.join("\n")), { source, architecture });
}

function stanzaOf(line: string, suiteArchitecture: string): string {
  const [head = "", ...rest] = line.split(";").map((part) => part.trim());
  const [name = "", version = "1"] = head.split(/\s+/);
  const written = new Map(rest.map((text) => splitField(text)));
  const architecture = written.get("Architecture") ?? suiteArchitecture;
  const file = `${name}_${version}_${architecture}.deb`;
  const fields = new Map([
    ["Package", name],
    ["Version", version],
    ["Architecture", architecture],
    ["Priority", "optional"],
    ["Filename", `pool/${file.replaceAll(":", "_")}`],
    ["Size", "1"],
    ["SHA256", digestOf(file).slice(7)],
    ...written,
  ]);
  return [...fields].map(([key, value]) => `${key}: ${value}\n`).join("");
}

function splitField(text: string): [string, string] {
  const colon = text.indexOf(":");
  return [text.slice(0, colon), text.slice(colon + 1).trim()];
}

/** Solves `packages` over one universe; shown as "name=version" by name. */
export function pick(universe: string, packages: readonly string[], more: Partial<SolveRequest> = {}): string[] {
  return shown(solveIn(universe, packages, more));
}

export function solveIn(universe: string, packages: readonly string[], more: Partial<SolveRequest> = {}): Solution {
  return solve({ indexes: [indexOf(universe)], packages, base: "none", architecture: "amd64", ...more });
}

export function shown(solution: Solution): string[] {
  return solution.packages.map(({ package: item }) => {
    const arch = item.architecture === "amd64" || item.architecture === "all" ? "" : `:${item.architecture}`;
    return `${item.name}${arch}=${item.version}`;
  });
}
