// SPDX-License-Identifier: Apache-2.0
import { formatReference, type Reference } from "../../oci/index.ts";
import { interruptible } from "../interruption.ts";
import { withImage } from "../open-image.ts";
import { parseParallel } from "../parameters.ts";
import { makeProgress } from "../progress.ts";
import { mountable, rememberPushed } from "../pushed-blobs.ts";
import { insecureRegistry, openRemotePlace, requireReference } from "../remote-place.ts";
import type { GlobalOptions, Outcome, Shell } from "../shell.ts";
import { transferImage } from "../transfer.ts";

export interface PushOptions extends GlobalOptions {
  readonly platform?: string;
  readonly insecure?: boolean;
  readonly parallel?: string;
  readonly referrers?: boolean;
}

/** `ashlar push IMAGE REF`: the last line is the reference with tag and digest. */
export async function push(shell: Shell, image: string, ref: string, options: PushOptions): Promise<Outcome> {
  const reference = requireReference(ref);
  // Where the image comes from may be another registry: that is not the one meant.
  const insecure = insecureRegistry([reference], options);
  const remote = { progress: makeProgress(shell, options), parallel: parseParallel(options.parallel), insecure };
  return interruptible((signal) =>
    withImage(shell, image, { options, remote: { ...remote, signal } }, async (opened) => {
      const mountFrom = mountable(opened, reference);
      const target = openRemotePlace(shell, reference, { ...remote, signal, mountFrom });
      try {
        const tag = tagFor(reference);
        const transfer = { name: "push", tag, digest: reference.digest, ...options, ...remote };
        const { root, counts, blobs } = await transferImage(opened, target, transfer);
        rememberPushed(opened.store, blobs, reference);
        const pushed = formatReference({ ...reference, tag, digest: root.digest });
        return { text: `${pushed}\n`, json: { reference: pushed, digest: root.digest, ...(counts as object) } };
      } finally {
        await target.close();
      }
    }),
  );
}

/** The tag to write: the one named, or none where a digest is named alone, else `latest`. */
export function tagFor({ tag, digest }: Reference): string | undefined {
  return tag ?? (digest === undefined ? "latest" : undefined);
}
