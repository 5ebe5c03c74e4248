// SPDX-License-Identifier: Apache-2.0
import { type Json, showPath } from "../../base/index.ts";
import type { LookedImage } from "../../build/index.ts";
import {
  type ConfigChange,
  diffConfigs,
  diffPackages,
  diffTrees,
  type PackageDiff,
  type TreeDiff,
} from "../../query/index.ts";
import { type LookOptions, withImages } from "../look.ts";
import type { Outcome, Shell } from "../shell.ts";
import { printable } from "../show.ts";

interface DiffOptions extends LookOptions {
  readonly exitCode?: boolean;
}

interface Differences {
  readonly packages: PackageDiff;
  readonly files: TreeDiff;
  readonly config: readonly ConfigChange[];
}

/** `ashlar diff A B` */
export async function diff(shell: Shell, a: string, b: string, options: DiffOptions): Promise<Outcome> {
  return withImages(shell, { texts: [a, b], options }, async (images) => {
    const [before, after] = images as [LookedImage, LookedImage];
    const found: Differences = {
      packages: diffPackages(await before.packages(), await after.packages()),
      files: diffTrees(await before.tree(), await after.tree()),
      config: diffConfigs(before.config, after.config),
    };
    const text = [showPackages(found.packages), showFiles(found.files), showConfig(found.config)].join("");
    const differs = text !== "";
    const outcome = {
      text: differs ? text : "no difference\n",
      json: { differs, ...found } as unknown as Json,
    };
    return options.exitCode && differs ? { ...outcome, exitCode: 1 } : outcome;
  });
}

function section(title: string, lines: readonly string[]): string {
  return lines.length === 0 ? "" : `${title}\n${lines.map((line) => `  ${printable(line)}\n`).join("")}`;
}

function showPackages({ added, removed, changed }: PackageDiff): string {
  return section(
    `packages: ${added.length} added, ${removed.length} removed, ${changed.length} changed`.trim(),
    [
      ...added.map((item) => `+ ${item.name} ${item.version}`),
      ...removed.map((item) => `- ${item.name} ${item.version}`),
      ...changed.map(({ name, before, after }) => `~ ${name} ${before.version} -> ${after.version}`),
    ],
  );
}

function showFiles({ added, removed, changed }: TreeDiff): string {
  return section(`files: ${added.length} added, ${removed.length} removed, ${changed.length} changed`, [
    ...added.map((entry) => `+ ${showPath(entry.path)}`),
    ...removed.map((entry) => `- ${showPath(entry.path)}`),
    ...changed.map(({ path, what }) => `~ ${showPath(path)} (${what.join(", ")})`),
  ]);
}

function showConfig(changes: readonly ConfigChange[]): string {
  const show = (value: Json | undefined): string => (value === undefined ? "unset" : JSON.stringify(value));
  const lines = changes.map(({ field, before, after }) => `${field}: ${show(before)} -> ${show(after)}`);
  return section(`config: ${changes.length} changed`, lines);
}
