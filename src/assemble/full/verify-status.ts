// SPDX-License-Identifier: Apache-2.0
import { AshlarError } from "../../base/index.ts";
import { field, parseControl } from "../../debian/index.ts";
import type { ContentReader } from "../content.ts";
import type { OwnedTree } from "../merge-trees.ts";
import type { DescribedPackage } from "./describe-package.ts";
import { adminDir } from "./database-input.ts";

/** Proves that dpkg calls these packages installed. Throws `ASSEMBLE_NOT_INSTALLED` naming those it does not. */
export function verifyStatus(
  { tree }: OwnedTree,
  packages: readonly DescribedPackage[],
  contents: ContentReader,
): void {
  const entry = tree.find(({ path }) => path === `${adminDir}/status`);
  const stanzas = entry?.type === "file" ? parseControl(contents.read(entry.content)) : [];
  const states = new Map(
    stanzas.map((stanza) => {
      const [name, architecture, status] = ["Package", "Architecture", "Status"].map((key) =>
        field(stanza, key),
      );
      return [`${name}:${architecture}`, status ?? "without a status"];
    }),
  );
  const because = packages.flatMap(({ id }) => {
    const status = states.get(id) ?? "not in its database";
    return status === "install ok installed" ? [] : [`${id} is ${status}`];
  });
  if (because.length === 0) return;
  const message = `Cannot install packages: dpkg left ${because.length} of them not installed`;
  throw new AshlarError("ASSEMBLE_NOT_INSTALLED", message, { because });
}

/** The error of a run that failed, naming the packages that dpkg or we blame. */
export function scriptFault(exitCode: number, log: Uint8Array): AshlarError {
  const text = Buffer.from(log).toString("utf8");
  const blamed = [
    ...text.matchAll(/^dpkg: error processing package (\S+)|^ashlar: preinst of (\S+) failed/gm),
  ].map((match) => match[1] ?? match[2]);
  const [first, ...others] = [...new Set(blamed)];
  const whose =
    first === undefined
      ? ""
      : ` of package "${first}"${others.length > 0 ? ` and ${others.length} more` : ""}`;
  const lines = text.trimEnd().split("\n").slice(-20);
  const state = `exit code ${exitCode}, want 0`;
  return new AshlarError("ASSEMBLE_SCRIPT_FAILED", `Cannot run the maintainer scripts${whose}: ${state}`, {
    because: lines,
    details: { exitCode, packages: [...new Set(blamed)].map(String) },
    hint:
      "the script's own words are above; answers to its questions go into `system.debconf`, and " +
      "`install: unpack` runs no scripts",
  });
}
