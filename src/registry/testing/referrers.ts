// SPDX-License-Identifier: Apache-2.0
import {
  type Descriptor,
  describeBytes,
  encodeManifest,
  type ImageSource,
  type ImageTarget,
  mediaTypes,
} from "../../oci/index.ts";

/** The empty config of artifacts (OCI image-spec v1.1, "Guidance for an Empty Descriptor"). */
const empty = describeBytes("application/vnd.oci.empty.v1+json", Buffer.from("{}"));

/** An artifact that names a manifest as its subject. */
export interface SampleReferrer {
  readonly descriptor: Descriptor;
  readonly manifest: Uint8Array;
  readonly blobs: readonly (readonly [Descriptor, Uint8Array])[];
}

export function sampleReferrer(subject: Descriptor, note: string): SampleReferrer {
  const bytes = Buffer.from(`note: ${note}`);
  const layer = describeBytes("text/plain", bytes);
  const { mediaType, digest, sizeBytes } = subject;
  const artifactType = "application/vnd.example.note";
  const annotations = { note };
  const manifest = encodeManifest({
    mediaType: mediaTypes.manifest,
    artifactType,
    config: empty,
    layers: [layer],
    subject: { mediaType, digest, sizeBytes },
    annotations,
  });
  const descriptor = { ...describeBytes(mediaTypes.manifest, manifest), artifactType, annotations };
  return { descriptor, manifest, blobs: [[empty, Buffer.from("{}")], [layer, bytes]] };
}

/** A source with the referrers of its images beside them. */
export function withReferrers(
  source: ImageSource,
  referrers: readonly (readonly [subject: Descriptor, referrer: SampleReferrer])[],
): ImageSource {
  const all = referrers.map(([, referrer]) => referrer);
  return {
    resolve: (tag) => source.resolve(tag),
    async manifest(wanted) {
      const found = all.find(({ descriptor }) => descriptor.digest === wanted.digest);
      return found?.manifest ?? source.manifest(wanted);
    },
    async *blob(wanted) {
      const found = all.flatMap(({ blobs }) => blobs).find(([descriptor]) => descriptor.digest === wanted.digest);
      if (found === undefined) yield* source.blob(wanted);
      else yield found[1];
    },
    async referrers(subject) {
      return referrers.filter(([of]) => of.digest === subject.digest).map(([, { descriptor }]) => descriptor);
    },
  };
}

/** Writes a referrer into a place, its blobs first. */
export async function writeReferrer(target: ImageTarget, referrer: SampleReferrer): Promise<void> {
  const { descriptor, manifest, blobs } = referrer;
  async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
    yield bytes;
  }
  for (const [blob, bytes] of blobs) await target.writeBlob(blob, once(bytes));
  await target.writeManifest(descriptor, manifest);
}
