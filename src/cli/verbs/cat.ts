// SPDX-License-Identifier: Apache-2.0
import { AshlarError, showPath } from "../../base/index.ts";
import { findPath, type LookedImage } from "../../build/index.ts";
import { type LookOptions, withImages } from "../look.ts";
import type { Outcome, Shell } from "../shell.ts";

/** `ashlar cat IMAGE PATH`: the file's bytes, exactly. */
export async function cat(shell: Shell, image: string, path: string, options: LookOptions): Promise<Outcome> {
  return withImages(shell, { texts: [image], options }, async ([looked]) => {
    const entry = findPath(await (looked as LookedImage).tree(), path);
    if (entry.type !== "file") {
      throw new AshlarError(
        "IMAGE_PATH",
        `Cannot print "${showPath(entry.path)}": it is a ${entry.type}, want a file`,
        {
          hint: `list it: ashlar tree ${image} ${showPath(entry.path)}`,
        },
      );
    }
    const bytes = await (looked as LookedImage).read(entry.path, entry.content);
    const base64 = Buffer.from(bytes).toString("base64");
    const { content, sizeBytes } = entry;
    return { text: "", bytes, json: { path: showPath(entry.path), digest: content, sizeBytes, base64 } };
  });
}
