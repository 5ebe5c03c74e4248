// SPDX-License-Identifier: Apache-2.0
import { type LookedImage, lookAtRecord, lookAtSource } from "../build/index.ts";
import { openSource, type RemotePlace } from "../registry/index.ts";
import type { Store } from "../store/index.ts";
import { platformChoice } from "./host-platform.ts";
import { resolveImage } from "./open-image.ts";
import { openForReading } from "./open-store.ts";
import { openRemotePlace } from "./remote-place.ts";
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
    const remotes: RemotePlace[] = [];
    try {
      const images: LookedImage[] = [];
      for (const text of texts) images.push(await openImage(text, { shell, store, options, remotes }));
      return await look(images);
    } finally {
      for (const remote of remotes) await remote.close();
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
  /** What was opened, to be closed when all was seen. */
  readonly remotes: RemotePlace[];
}

async function openImage(text: string, { shell, store, options, remotes }: Opening): Promise<LookedImage> {
  const platform = platformChoice(options.platform);
  const image = resolveImage(text, { shell, store });
  if (image.kind === "record") return lookAtRecord(store, image.record, platform);
  if (image.kind === "place") {
    const { kind, path, tag } = image.place;
    return lookAtSource(openSource(kind, path), { name: text, tag, platform });
  }
  const remote = openRemotePlace(shell, image.reference);
  remotes.push(remote);
  return lookAtSource(remote, { name: text, tag: undefined, platform });
}
