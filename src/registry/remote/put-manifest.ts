// SPDX-License-Identifier: Apache-2.0
import { AshlarError } from "../../base/index.ts";
import type { Descriptor } from "../../oci/index.ts";
import { answerError } from "./answer-error.ts";
import { manifestAddress, type Repository, saidDigest, send } from "./repository.ts";

/** Writes a manifest or index under a tag or its digest. Returns whether the registry keeps its referrers itself. */
export async function putManifest(
  repository: Repository,
  descriptor: Descriptor,
  { bytes, reference }: { readonly bytes: Uint8Array; readonly reference: string },
): Promise<boolean> {
  const what = `write manifest "${reference}" to "${repository.label}"`;
  const answer = await send(repository, {
    method: "PUT",
    url: manifestAddress(repository, reference),
    headers: { "content-type": descriptor.mediaType },
    body: bytes,
  });
  if (answer.status < 200 || answer.status > 299) throw await answerError(answer, what);
  await answer.discard();
  const said = saidDigest(answer);
  if (said === undefined || said === descriptor.digest) return answer.headers["oci-subject"] !== undefined;
  const message = `Cannot ${what}: the registry has it as ${said}, want ${descriptor.digest}`;
  throw new AshlarError("REGISTRY_ANSWER", message);
}
