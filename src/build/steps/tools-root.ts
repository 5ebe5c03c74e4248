// SPDX-License-Identifier: Apache-2.0
import type { Digest } from "../../base/index.ts";
import { type InstallContext, makeInstalledRoot } from "../installed-root.ts";
import type { RecordedPackage } from "../stage.ts";

/** What the root of a step is made of. */
export interface ToolsRequest {
  /** The step's name. */
  readonly name: string;
  readonly platform: string;
  /** The essential set (phase base) and the step's tools. */
  readonly packages: readonly RecordedPackage[];
}

/** Tree: tools installed in full, the essential set first, which other steps and images share. */
export async function makeToolsRoot(
  context: InstallContext,
  { name, platform, packages }: ToolsRequest,
): Promise<Digest> {
  const plain = { platform, strip: [], only: {}, answers: {} };
  const first = packages.filter(({ locked }) => locked.phase === "base");
  const others = packages.filter(({ locked }) => locked.phase !== "base");
  const base = await makeInstalledRoot(context, {
    ...plain,
    name: "base",
    below: undefined,
    packages: first,
  });
  if (others.length === 0) return base.flat;
  const below = { stage: base, packages: first };
  return (await makeInstalledRoot(context, { ...plain, name: `tools of ${name}`, below, packages: others }))
    .flat;
}
