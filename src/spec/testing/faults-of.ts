// SPDX-License-Identifier: Apache-2.0
import { AshlarError } from "../../base/index.ts";
import { readSpec } from "../index.ts";

/** Reads a spec that is wrong and gives its faults as `line:column message`, with ` (hint)` where there is one. */
export async function faultsOf(
  file: string,
  text: string,
  more: Omit<Parameters<typeof readSpec>[0], "file" | "text"> = {},
): Promise<string[]> {
  try {
    await readSpec({ file, text, ...more });
  } catch (error) {
    if (!(error instanceof AshlarError) || error.code !== "SPEC_INVALID") throw error;
    const several = error.details["faults"] as readonly AshlarError[] | undefined;
    return (several ?? [error]).map((fault) => {
      const { line, column, file: at } = fault.where ?? {};
      const place = line === undefined ? at : `${line}:${column}`;
      return `${place} ${fault.message}${fault.hint === undefined ? "" : ` (${fault.hint})`}`;
    });
  }
  throw new Error("the spec was taken");
}
