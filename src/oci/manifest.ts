// SPDX-License-Identifier: Apache-2.0
import { AshlarError } from "../base/index.ts";
import { type Descriptor, descriptorFields, descriptorJson, readDescriptor, sortedMap } from "./descriptor.ts";
import { JsonObject, withoutUndefined } from "./json-object.ts";
import { ociLimits } from "./limits.ts";
import { isIndexType, isManifestType, mediaTypes } from "./media-types.ts";
import { parseStrictJson } from "./strict-json.ts";

/** An image for one platform: its config and its layers, lowest first (OCI image-spec v1.1, manifest.md). */
export interface Manifest {
  readonly mediaType: string;
  readonly artifactType?: string | undefined;
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
  readonly subject?: Descriptor | undefined;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

/** Several manifests (or indexes) under one digest, mostly one for each platform (image-index.md). */
export interface Index {
  readonly mediaType: string;
  readonly artifactType?: string | undefined;
  readonly manifests: readonly Descriptor[];
  readonly subject?: Descriptor | undefined;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

const known = ["schemaVersion", "mediaType", "artifactType", "config", "layers", "manifests", "subject", "annotations"];

/**
 * Parses a manifest of OCI or docker. `mediaType` is what the descriptor (or the registry's reply) calls it; a
 * document that calls itself otherwise, or could also be read as an index, is refused (CVE-2021-41190).
 * Throws `OCI_LIMIT`, `OCI_JSON`, `OCI_FIELD`, `OCI_MEDIA_TYPE`.
 */
export function parseManifest(bytes: Uint8Array, mediaType?: string): Manifest {
  const object = open(bytes, "manifest");
  if (object.has("manifests")) throw object.fault("manifests", "does not belong into a manifest");
  return withoutUndefined({
    mediaType: typeOf(object, { mediaType, fallback: mediaTypes.manifest, what: "manifest", accepts: isManifestType }),
    artifactType: object.maybeText("artifactType"),
    config: readDescriptor(object.object("config", descriptorFields)),
    layers: object.objects("layers", descriptorFields, ociLimits.layersMax).map(readDescriptor),
    subject: readSubject(object),
    annotations: object.maybeTextMap("annotations"),
  });
}

/** Parses an index of OCI or a manifest list of docker; rules and errors as `parseManifest`. */
export function parseIndex(bytes: Uint8Array, mediaType?: string): Index {
  const object = open(bytes, "index");
  for (const key of ["layers", "config"]) if (object.has(key)) throw object.fault(key, "does not belong into an index");
  return withoutUndefined({
    mediaType: typeOf(object, { mediaType, fallback: mediaTypes.index, what: "index", accepts: isIndexType }),
    artifactType: object.maybeText("artifactType"),
    manifests: object.objects("manifests", descriptorFields, ociLimits.manifestsMax).map(readDescriptor),
    subject: readSubject(object),
    annotations: object.maybeTextMap("annotations"),
  });
}

function open(bytes: Uint8Array, what: string): JsonObject {
  const object = new JsonObject(parseStrictJson(bytes, what), what, "", known);
  if (object.count("schemaVersion") !== 2) throw object.fault("schemaVersion", "want 2");
  return object;
}

function readSubject(object: JsonObject): Descriptor | undefined {
  const subject = object.maybeObject("subject", descriptorFields);
  return subject === undefined ? undefined : readDescriptor(subject);
}

interface TypeRule {
  readonly mediaType: string | undefined;
  readonly fallback: string;
  readonly what: string;
  readonly accepts: (mediaType: string) => boolean;
}

function typeOf(object: JsonObject, { mediaType, fallback, what, accepts }: TypeRule): string {
  const own = object.maybeText("mediaType");
  if (own !== undefined && mediaType !== undefined && own !== mediaType) {
    throw mediaTypeError(what, `it says it is "${own}", want "${mediaType}" as its descriptor says`);
  }
  const type = own ?? mediaType ?? fallback;
  if (!accepts(type)) throw mediaTypeError(what, `its media type is "${type}", want "${fallback}"`);
  return type;
}

function mediaTypeError(what: string, fault: string): AshlarError {
  return new AshlarError("OCI_MEDIA_TYPE", `Cannot read ${what}: ${fault}`);
}

/** Encodes a manifest: compact JSON, keys in the order of the standard's structure, maps sorted, no line feed. */
export function encodeManifest(manifest: Manifest): Uint8Array {
  const { mediaType, artifactType, config, layers, subject, annotations } = manifest;
  return encode({
    schemaVersion: 2,
    mediaType,
    artifactType,
    config: descriptorJson(config),
    layers: layers.map(descriptorJson),
    subject: subject === undefined ? undefined : descriptorJson(subject),
    annotations: sortedMap(annotations),
  });
}

/** Encodes an index, as `encodeManifest`; the order of its manifests is kept. */
export function encodeIndex(index: Index): Uint8Array {
  const { mediaType, artifactType, manifests, subject, annotations } = index;
  return encode({
    schemaVersion: 2,
    mediaType,
    artifactType,
    manifests: manifests.map(descriptorJson),
    subject: subject === undefined ? undefined : descriptorJson(subject),
    annotations: sortedMap(annotations),
  });
}

function encode(value: object): Uint8Array {
  return Buffer.from(JSON.stringify(value), "utf8");
}
