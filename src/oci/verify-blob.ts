// SPDX-License-Identifier: Apache-2.0
import { AshlarError, digestOf, Hasher } from "../base/index.ts";
import type { Descriptor } from "./descriptor.ts";

/**
 * Passes a blob's bytes on while checking that they are the described ones: never a byte more than its size,
 * and at the end its digest. Throws `OCI_BLOB_SIZE`, `OCI_BLOB_DIGEST`; what came before is not to be trusted.
 */
export async function* verifyBlob(
  descriptor: Descriptor,
  bytes: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, void> {
  const hasher = new Hasher();
  for await (const piece of bytes) {
    hasher.update(piece);
    if (hasher.sizeBytes > descriptor.sizeBytes) throw wrongSize(descriptor, `at least ${hasher.sizeBytes}`);
    yield piece;
  }
  if (hasher.sizeBytes !== descriptor.sizeBytes) throw wrongSize(descriptor, String(hasher.sizeBytes));
  const actual = hasher.digest();
  if (actual !== descriptor.digest) throw wrongDigest(descriptor, actual);
}

/** The same for bytes that are at hand; returns them. */
export function verifyBytes(descriptor: Descriptor, bytes: Uint8Array): Uint8Array {
  if (bytes.length !== descriptor.sizeBytes) throw wrongSize(descriptor, String(bytes.length));
  const actual = digestOf(bytes);
  if (actual !== descriptor.digest) throw wrongDigest(descriptor, actual);
  return bytes;
}

function wrongSize(descriptor: Descriptor, actual: string): AshlarError {
  const message = `Cannot use blob "${descriptor.digest}": it has ${actual} bytes, want ${descriptor.sizeBytes}`;
  return new AshlarError(
    "OCI_BLOB_SIZE",
    message,
    { details: { digest: descriptor.digest, expected: descriptor.sizeBytes } },
  );
}

function wrongDigest(descriptor: Descriptor, actual: string): AshlarError {
  const message = `Cannot use blob "${descriptor.digest}": its bytes have digest ${actual}, want ${descriptor.digest}`;
  return new AshlarError("OCI_BLOB_DIGEST", message, { details: { expected: descriptor.digest, actual } });
}
