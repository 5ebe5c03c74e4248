// SPDX-License-Identifier: Apache-2.0
import { platformChoice } from "./host-platform.ts";
import { findImage, type LookedImage, lookAtRecord, lookAtSource } from "../build/index.ts";
import { openSource } from "../registry/index.ts";
import { openForReading } from "./open-store.ts";
import { parsePlace } from "./place.ts";
import type { GlobalOptions, Shell } from "./shell.ts";

export interface LookOptions extends GlobalOptions {
  readonly platform?: string;
}

/** Opens the images that the command line names, lets `look` at them, and closes the store. */
export async function withImages<T>(
  shell: Shell,
  { texts, options }: { readonly texts: readonly string[]; readonly options: LookOptions },
  look: (images: readonly LookedImage[]) => Promise<T>,
): Promise<T> {
  const store = openForReading(shell, options);
  const lease = (await store).lease();
  try {
    const images: LookedImage[] = [];
    for (const text of texts) {
      const place = parsePlace(text, shell.cwd);
      if (place === undefined)
        images.push(
          lookAtRecord(await store, findImage(await store, text), platformChoice(options.platform)),
        );
      else {
        const source = openSource(place.kind, place.path);
        images.push(
          await lookAtSource(source, {
            name: text,
            tag: place.tag,
            platform: platformChoice(options.platform),
          }),
        );
      }
    }
    return await look(images);
  } finally {
    lease.release();
    (await store).close();
  }
}
