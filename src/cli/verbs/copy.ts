// SPDX-License-Identifier: Apache-2.0
import { AshlarError, type Digest, isAshlarError } from "../../base/index.ts";
import { formatReference, type ImageTarget, type Reference } from "../../oci/index.ts";
import { openTarget, targetKinds } from "../../registry/index.ts";
import { interruptible } from "../interruption.ts";
import { type OpenedImage, withImage } from "../open-image.ts";
import { parseParallel } from "../parameters.ts";
import { parsePlace } from "../place.ts";
import { makeProgress } from "../progress.ts";
import { mountable } from "../pushed-blobs.ts";
import { insecureRegistry, openRemotePlace, remoteReference, type RemoteOptions } from "../remote-place.ts";
import type { Outcome, Shell } from "../shell.ts";
import { transferImage } from "../transfer.ts";
import { type PushOptions, tagFor } from "./push.ts";

/** `ashlar copy SRC DST`: the last line is the destination with the digest. */
export async function copy(shell: Shell, src: string, dst: string, options: PushOptions): Promise<Outcome> {
  const insecure = insecureRegistry([src, dst].map((text) => registryOf(shell, text)), options);
  const remote = { progress: makeProgress(shell, options), parallel: parseParallel(options.parallel), insecure };
  return interruptible((signal) =>
    withImage(shell, src, { options, remote: { ...remote, signal } }, async (image) => {
      // One of a registry that was pulled may be there for one platform only.
      if (registryOf(shell, src) !== undefined && image.source.isRemote !== true) {
        remote.progress.note(`"${src}" is the image of the store; docker://${src} is the registry's`);
      }
      const destination = openDestination(shell, dst, { image, remote: { ...remote, signal } });
      try {
        const { target, tag, digest } = destination;
        const transfer = { name: "copy", tag, digest, ...options, ...remote };
        const { root, counts } = await transferImage(image, target, transfer);
        const text = destination.show(root.digest);
        return { text: `${text}\n`, json: { destination: text, digest: root.digest, ...(counts as object) } };
      } finally {
        await destination.close();
      }
    }),
  );
}

/** Undefined for all that cannot mean a registry; names of the store need not be references. */
function registryOf(shell: Shell, text: string): Reference | undefined {
  try {
    return parsePlace(text, shell) === undefined ? remoteReference(text) : undefined;
  } catch (error) {
    if (isAshlarError(error, "OCI_REFERENCE")) return undefined;
    throw error;
  }
}

interface Destination {
  readonly target: ImageTarget;
  readonly tag: string | undefined;
  /** What the image must be. */
  readonly digest?: Digest | undefined;
  /** Its text, with the digest of what was copied. */
  readonly show: (digest: Digest) => string;
  readonly close: () => Promise<void>;
}

interface Opening {
  readonly image: OpenedImage;
  readonly remote: RemoteOptions;
}

function openDestination(shell: Shell, text: string, { image, remote }: Opening): Destination {
  const place = parsePlace(text, shell);
  if (place !== undefined) {
    const target = openTarget(place.kind, place.path);
    return { target, tag: place.tag, show: (digest) => `${text}@${digest}`, close: async () => {} };
  }
  const reference = remoteReference(text);
  if (reference === undefined) {
    const message = `Cannot copy to "${text}": want KIND:PATH[:TAG], or HOST/NAME[:TAG] of a registry`;
    throw new AshlarError("USAGE_COPY", message, {
      hint: `KIND is one of ${targetKinds.join(", ")}`,
    });
  }
  const tag = tagFor(reference);
  const target = openRemotePlace(shell, reference, { ...remote, mountFrom: mountable(image, reference) });
  return {
    target,
    tag,
    digest: reference.digest,
    show: (digest) => formatReference({ ...reference, tag, digest }),
    close: () => target.close(),
  };
}
