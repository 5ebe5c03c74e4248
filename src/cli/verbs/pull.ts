// SPDX-License-Identifier: Apache-2.0
import type { Digest } from "../../base/index.ts";
import { formatReference, type Reference } from "../../oci/index.ts";
import { bring, type BringOptions } from "../bring.ts";
import { interruptible } from "../interruption.ts";
import { parseParallel } from "../parameters.ts";
import type { Origin } from "../origin.ts";
import { makeProgress } from "../progress.ts";
import { insecureRegistry, openRemotePlace, requireReference } from "../remote-place.ts";
import type { Outcome, Shell } from "../shell.ts";

interface PullOptions extends BringOptions {
  readonly name?: string;
  readonly keepBlobs?: boolean;
  readonly insecure?: boolean;
  readonly parallel?: string;
}

/** `ashlar pull REF`: the last line is the image's name in the store, with its digest. */
export async function pull(shell: Shell, ref: string, options: PullOptions): Promise<Outcome> {
  const reference = requireReference(ref);
  const insecure = insecureRegistry([reference], options);
  return interruptible(async (signal) => {
    const progress = makeProgress(shell, options);
    const remote = { progress, parallel: parseParallel(options.parallel), insecure, signal };
    const source = openRemotePlace(shell, reference, remote);
    try {
      const name = options.name ?? storeName(reference);
      const origin = `${reference.registry}/${reference.repository}`;
      const keepBlobs = options.keepBlobs === true;
      const flags = [...(keepBlobs ? ["--keep-blobs"] : []), ...(options.insecure === true ? ["--insecure"] : [])];
      const again = (digest: Digest): Origin => ["pull", `${origin}@${digest}`, ...flags];
      return await bring(shell, { source, tag: undefined, name, keepBlobs, origin, again, signal }, options);
    } finally {
      await source.close();
    }
  });
}

/** What an image of a registry is called in the store: `HOST/NAME`, and its tag where that is not `latest`. */
function storeName({ registry, repository, tag }: Reference): string {
  return formatReference({ registry, repository, tag: tag === "latest" ? undefined : tag });
}
