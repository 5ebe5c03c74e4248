// SPDX-License-Identifier: Apache-2.0
import { AshlarError } from "../base/index.ts";
import { type Descriptor, type ImageSource, ociLimits, verifyBlob, verifyBytes } from "../oci/index.ts";

/** The verified bytes of a manifest or index, if it is not too large. Throws `OCI_LIMIT` and as `verifyBytes`. */
export async function readVerified(source: ImageSource, descriptor: Descriptor): Promise<Uint8Array> {
  if (descriptor.sizeBytes > ociLimits.documentBytesMax) {
    const text = `Cannot read manifest "${descriptor.digest}": it has ${descriptor.sizeBytes} bytes, want at most`;
    throw new AshlarError("OCI_LIMIT", `${text} ${ociLimits.documentBytesMax}`);
  }
  return verifyBytes(descriptor, await source.manifest(descriptor));
}

/** The verified bytes of a config, if it is not too large. Throws `OCI_LIMIT` and as `verifyBlob`. */
export async function readConfig(source: ImageSource, descriptor: Descriptor): Promise<Uint8Array> {
  if (descriptor.sizeBytes > ociLimits.documentBytesMax) {
    const text = `Cannot read config "${descriptor.digest}": it has ${descriptor.sizeBytes} bytes, want at most`;
    throw new AshlarError("OCI_LIMIT", `${text} ${ociLimits.documentBytesMax}`);
  }
  const pieces: Uint8Array[] = [];
  for await (const piece of verifyBlob(descriptor, source.blob(descriptor))) pieces.push(Uint8Array.from(piece));
  return Buffer.concat(pieces);
}
