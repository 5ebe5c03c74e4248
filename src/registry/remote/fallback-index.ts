// SPDX-License-Identifier: Apache-2.0
import { AshlarError, type Digest } from "../../base/index.ts";
import { type Descriptor, describeBytes, encodeIndex, mediaTypes, parseIndex } from "../../oci/index.ts";
import { type Document, referrerOf } from "../referrer-of.ts";
import { fetchDocument } from "./fetch-document.ts";
import { fallbackTag } from "./fetch-referrers.ts";
import { putManifest } from "./put-manifest.ts";
import type { Repository } from "./repository.ts";

const tryCountMax = 4;

/** Updates of one subject's index by this process, one after the other. */
const queues = new Map<string, Promise<void>>();

/**
 * Lists a manifest under the tag that stands in for the referrers API (distribution-spec 1.1, "Pushing Manifests
 * with Subject"): reads the index there, adds, writes it and looks whether it stayed. Registries know no conditional
 * writing, so two processes at the same moment may still lose one. Throws `REGISTRY_FAILED`.
 */
export async function addToFallbackIndex(repository: Repository, subject: Digest, added: Document): Promise<void> {
  const entry = referrerOf(added, subject);
  if (entry === undefined) throw new Error("internal error: the manifest does not name the subject");
  const key = `${repository.registry.href}${repository.name}@${subject}`;
  const turn = (queues.get(key) ?? Promise.resolve()).then(() => addEntry(repository, subject, entry));
  queues.set(key, turn.catch(() => {}));
  await turn;
}

async function addEntry(repository: Repository, subject: Digest, entry: Descriptor): Promise<void> {
  const tag = fallbackTag(subject);
  for (let tries = 0; tries < tryCountMax; tries++) {
    const entries = await readEntries(repository, tag);
    if (entries.some(({ digest }) => digest === entry.digest)) return;
    const bytes = encodeIndex({ mediaType: mediaTypes.index, manifests: [...entries, entry] });
    await putManifest(repository, describeBytes(mediaTypes.index, bytes), { bytes, reference: tag });
  }
  if ((await readEntries(repository, tag)).some(({ digest }) => digest === entry.digest)) return;
  const text = `Cannot list "${entry.digest}" as a referrer: tag "${tag}" of "${repository.label}" does not keep it`;
  throw new AshlarError("REGISTRY_FAILED", text);
}

async function readEntries(repository: Repository, tag: string): Promise<readonly Descriptor[]> {
  const document = await fetchDocument(repository, tag);
  return document === undefined ? [] : parseIndex(document.bytes, document.descriptor.mediaType).manifests;
}
