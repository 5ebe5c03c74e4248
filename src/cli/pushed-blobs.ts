// SPDX-License-Identifier: Apache-2.0
import type { Digest } from "../base/index.ts";
import type { Descriptor, Reference } from "../oci/index.ts";
import type { Action, Store } from "../store/index.ts";
import type { OpenedImage } from "./open-image.ts";

function pushedAction(blob: Digest, registry: string): Action {
  return { operation: "registry.pushed", version: 1, inputs: [blob], parameters: { registry } };
}

/** Remembers where in a registry blobs are now, so that a push to another repository of it need not send them. */
export function rememberPushed(store: Store, blobs: readonly Descriptor[], { registry, repository }: Reference): void {
  for (const { digest } of blobs) store.putAction(pushedAction(digest, registry), { value: repository, reaches: {} });
}

/**
 * The repositories of the target's registry that may have a blob: the one that the image is from, and where the blob
 * was pushed to before. What is remembered may be wrong by now: then the registry says so, and the blob is sent.
 */
export function mountable({ reference, store }: OpenedImage, target: Reference): (blob: Digest) => readonly string[] {
  const own = reference?.registry === target.registry ? [reference.repository] : [];
  return (blob) => {
    const pushed = store.getAction(pushedAction(blob, target.registry))?.value;
    return [...new Set([...own, ...(typeof pushed === "string" ? [pushed] : [])])];
  };
}
