// SPDX-License-Identifier: Apache-2.0
import type { Digest, Json } from "../base/index.ts";
import { type PulledImage, pullImage, type PullRequest } from "../build/index.ts";
import type { ImageSource } from "../oci/index.ts";
import type { Lease } from "../store/index.ts";
import { platformChoice } from "./host-platform.ts";
import { openForWriting } from "./open-store.ts";
import { makeProgress } from "./progress.ts";
import type { GlobalOptions, Outcome, Shell } from "./shell.ts";
import { showBytes } from "./show.ts";
import { takeLease } from "./take-lease.ts";

export interface BringOptions extends GlobalOptions {
  /** One platform, or "all". */
  readonly platform?: string;
}

/** An image of another place that is to be brought into the store. */
export interface Bringing {
  readonly source: ImageSource;
  readonly tag: string | undefined;
  readonly name: string;
  readonly keepBlobs: boolean;
  readonly origin?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  /** The words of a command line that brings the image of this digest again, without name and platform. */
  readonly again: (digest: Digest) => readonly string[];
}

/** Brings an image into the user's store; the last line is `name@sha256:...`. */
export async function bring(shell: Shell, bringing: Bringing, options: BringOptions): Promise<Outcome> {
  const store = await openForWriting(shell, options);
  const progress = makeProgress(shell, options);
  let lease: Lease | undefined;
  try {
    lease = await takeLease(store, { say: progress.note, signal: bringing.signal });
    const again = (digest: Digest, platform: string): readonly string[] => [
      ...bringing.again(digest),
      ...["--name", bringing.name, "--platform", platform],
    ];
    const { keepsNames: keepsName } = shell;
    const platforms = platformsOf(options);
    const pulled = await pullImage({ ...bringing, again, store, keepsName, platforms, progress });
    for (const { platform, layers } of pulled.platforms) {
      const bytes = layers.reduce((sum, layer) => sum + layer.fetchedBytes, 0);
      const files = layers.reduce((sum, layer) => sum + layer.fetchedFiles, 0);
      const what = `${files} files and ${wholeCount(layers)} whole layers`;
      progress.note(`${platform}: ${showBytes(bytes)} fetched in ${what}`);
    }
    return { text: `${pulled.name}@${pulled.digest}\n`, json: jsonOf(pulled) };
  } finally {
    lease?.release();
    store.close();
  }
}

function platformsOf({ platform }: BringOptions): PullRequest["platforms"] {
  return platform === "all" ? "all" : platformChoice(platform);
}

function wholeCount(layers: PulledImage["platforms"][number]["layers"]): number {
  return layers.filter(({ way }) => way === "whole").length;
}

function jsonOf({ name, digest, platforms }: PulledImage): Json {
  return { name, digest, platforms } as unknown as Json;
}
