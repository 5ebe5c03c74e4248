// SPDX-License-Identifier: Apache-2.0
import { compareOrdinal, type Digest, type Json } from "../../base/index.ts";
import { type InstallContext, makeInstalledRoot } from "../installed-root.ts";
import type { RecordedPackage } from "../stage.ts";

/** The tools of a step: installed in full, the essential set first, which other steps and images share. */
export async function makeToolsRoot(
  context: InstallContext,
  tools: { readonly platform: string; readonly packages: readonly RecordedPackage[]; readonly step: string },
): Promise<Digest> {
  const { platform, step } = tools;
  const plain = { platform, strip: [], only: {}, answers: {} };
  const first = tools.packages.filter(({ locked }) => locked.phase === "base");
  const others = tools.packages.filter(({ locked }) => locked.phase !== "base");
  const base = await makeInstalledRoot(context, {
    ...plain,
    name: "base",
    below: undefined,
    packages: first,
  });
  if (others.length === 0) return base.flat;
  const below = { stage: base, packages: first };
  const name = `tools of ${step}`;
  return (await makeInstalledRoot(context, { ...plain, name, below, packages: others })).flat;
}

/** What decides about the root of tools beside the packages' bytes. */
export function toolsFacts(packages: readonly RecordedPackage[]): Json {
  const asked = packages.filter(({ locked }) => locked.by.includes("spec"));
  return asked.map(({ locked }) => `${locked.name}:${locked.architecture}`).sort(compareOrdinal);
}
