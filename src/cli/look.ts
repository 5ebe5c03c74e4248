// SPDX-License-Identifier: Apache-2.0
import { findImage, type LookedImage, lookAtRecord, lookAtSource } from "../build/index.ts";
import { openSource } from "../registry/index.ts";
import type { Store } from "../store/index.ts";
import { platformChoice } from "./host-platform.ts";
import { openForReading } from "./open-store.ts";
import { parsePlace } from "./place.ts";
import type { GlobalOptions, Shell } from "./shell.ts";

export interface LookOptions extends GlobalOptions {
  readonly platform?: string;
}

interface Wanted {
  readonly texts: readonly string[];
  readonly options: LookOptions;
}

/** Opens the images that the command line names, lets `look` at them, and closes the store. */
export async function withImages<T>(
  shell: Shell,
  { texts, options }: Wanted,
  look: (images: readonly LookedImage[]) => Promise<T>,
): Promise<T> {
  const store = await openForReading(shell, options);
  try {
    const lease = store.lease();
    try {
      const images: LookedImage[] = [];
      for (const text of texts) images.push(await openImage(text, { shell, store, options }));
      return await look(images);
    } finally {
      lease.release();
    }
  } finally {
    store.close();
  }
}

interface Opening {
  readonly shell: Shell;
  readonly store: Store;
  readonly options: LookOptions;
}

async function openImage(text: string, { shell, store, options }: Opening): Promise<LookedImage> {
  const platform = platformChoice(options.platform);
  const place = parsePlace(text, shell);
  if (place === undefined) return lookAtRecord(store, findImage(store, text), platform);
  return lookAtSource(openSource(place.kind, place.path), { name: text, tag: place.tag, platform });
}
