// SPDX-License-Identifier: Apache-2.0
import { type Descriptor, isIndexType, isManifestType } from "../../oci/index.ts";
import { answerError } from "./answer-error.ts";
import { blobAddress, manifestAddress, type Repository, send } from "./repository.ts";

/** Asks whether a blob is in the repository, with the described size where the registry tells one. */
export async function hasBlob(repository: Repository, descriptor: Descriptor): Promise<boolean> {
  return has(repository, descriptor, { url: blobAddress(repository, descriptor), headers: {} });
}

/** The same for a manifest or index. */
export async function hasManifest(repository: Repository, descriptor: Descriptor): Promise<boolean> {
  const url = manifestAddress(repository, descriptor.digest);
  return has(repository, descriptor, { url, headers: { accept: descriptor.mediaType } });
}

/** Tells which of the two a descriptor means. */
export function isDocument({ mediaType }: Descriptor): boolean {
  return isIndexType(mediaType) || isManifestType(mediaType);
}

async function has(
  repository: Repository,
  descriptor: Descriptor,
  { url, headers }: { readonly url: URL; readonly headers: Readonly<Record<string, string>> },
): Promise<boolean> {
  const answer = await send(repository, { method: "HEAD", url, headers });
  await answer.discard();
  const length = answer.headers["content-length"];
  if (answer.status === 200) return length === undefined || Number(length) === descriptor.sizeBytes;
  if (answer.status === 404) return false;
  throw await answerError(answer, `look for "${descriptor.digest}" in "${repository.label}"`);
}
