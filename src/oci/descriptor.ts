// SPDX-License-Identifier: Apache-2.0
import { type Digest, digestOf } from "../base/index.ts";
import { type JsonObject, withoutUndefined } from "./json-object.ts";
import { ociLimits } from "./limits.ts";
import type { Platform } from "./platform.ts";

/**
 * Names a blob: what it is, its digest and its size (OCI image-spec v1.1, descriptor.md). `urls` and `data` of
 * the standard are not read: bytes come from where the image came from, and are verified.
 */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly sizeBytes: number;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
  readonly platform?: Platform | undefined;
  readonly artifactType?: string | undefined;
}

export const descriptorFields = [
  "mediaType", "digest", "size", "urls", "annotations", "data", "platform", "artifactType",
];
const platformFields = ["architecture", "os", "os.version", "os.features", "variant"];

/** The descriptor of some bytes. */
export function describeBytes(mediaType: string, bytes: Uint8Array): Descriptor {
  return { mediaType, digest: digestOf(bytes), sizeBytes: bytes.length };
}

/** Reads a descriptor made with `descriptorFields`. Throws `OCI_FIELD`. */
export function readDescriptor(object: JsonObject): Descriptor {
  const mediaType = object.text("mediaType");
  if (!isMediaType(mediaType)) throw object.fault("mediaType", "want type/subtype (RFC 6838)");
  return withoutUndefined({
    mediaType,
    digest: object.digest("digest"),
    sizeBytes: object.count("size"),
    annotations: object.maybeTextMap("annotations"),
    platform: readPlatform(object.maybeObject("platform", platformFields)),
    artifactType: object.maybeText("artifactType"),
  });
}

const mediaTypePattern = /^[A-Za-z0-9][\w!#$&^.+-]*\/[A-Za-z0-9][\w!#$&^.+-]*$/;

function isMediaType(text: string): boolean {
  return text.length <= ociLimits.mediaTypeCharsMax && mediaTypePattern.test(text);
}

function readPlatform(object: JsonObject | undefined): Platform | undefined {
  if (object === undefined) return undefined;
  return withoutUndefined({
    os: object.maybeText("os") ?? "",
    architecture: object.maybeText("architecture") ?? "",
    variant: object.maybeText("variant") || undefined,
    osVersion: object.maybeText("os.version") || undefined,
  });
}

/** The JSON value of a descriptor, its keys in the order of the standard's structure. */
export function descriptorJson(descriptor: Descriptor): object {
  const { mediaType, digest, sizeBytes, annotations, platform, artifactType } = descriptor;
  return {
    mediaType,
    digest,
    size: sizeBytes,
    annotations: sortedMap(annotations),
    platform: platform === undefined ? undefined : {
      architecture: platform.architecture,
      os: platform.os,
      "os.version": platform.osVersion,
      variant: platform.variant,
    },
    artifactType,
  };
}

/** A map in ordinal order of its keys; an empty one is left out. */
export function sortedMap(map: Readonly<Record<string, string>> | undefined): Record<string, string> | undefined {
  if (map === undefined) return undefined;
  const keys = Object.keys(map).sort();
  return keys.length === 0 ? undefined : Object.fromEntries(keys.map((key) => [key, map[key] as string]));
}
