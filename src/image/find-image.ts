// SPDX-License-Identifier: Apache-2.0
import { AshlarError, type Digest } from "../base/index.ts";
import type { Store } from "../store/index.ts";
import { imageRefPrefix as prefix, nameRef, type NamedRecord, readNamedRecord } from "./named-record.ts";

/**
 * Finds an image in the store by its name, `name@digest`, or a digest or the beginning of one (six digits at
 * least, with or without `sha256:`). Throws `IMAGE_NOT_FOUND`, `IMAGE_AMBIGUOUS`.
 */
export function findImage(store: Store, text: string): NamedRecord {
  // Names that were pulled as `latest` are kept without it.
  const current = store.getRef(nameRef(text)) ?? store.getRef(nameRef(text.replace(/:latest$/, "")));
  if (current !== undefined) return readNamedRecord(store, current);
  const found = matches(store, text);
  const [only] = found.values();
  if (found.size === 1 && only !== undefined) return readNamedRecord(store, only);
  if (found.size > 1) {
    throw new AshlarError("IMAGE_AMBIGUOUS", `Cannot choose image "${text}": ${found.size} images match`, {
      because: [...found.keys()],
      hint: "write more of the digest, or name@digest",
    });
  }
  throw notFound(store, text);
}

/** `name@digest` of each image that the text may mean, with its record; one digest counts once. */
function matches(store: Store, text: string): Map<string, Digest> {
  const at = text.lastIndexOf("@");
  const name = at > 0 ? text.slice(0, at) : undefined;
  const hex = (at >= 0 ? text.slice(at + 1) : text).replace(/^sha256:/, "");
  const found = new Map<string, Digest>();
  if (!/^[0-9a-f]{6,64}$/.test(hex)) return found;
  const seen = new Set<string>();
  for (const ref of store.listRefs()) {
    const split = ref.name.lastIndexOf("@sha256:");
    if (!ref.name.startsWith(prefix) || split < 0) continue;
    const digest = ref.name.slice(split + 8);
    if (!digest.startsWith(hex) || (name !== undefined && ref.name !== `${prefix}${name}@sha256:${digest}`))
      continue;
    if (!seen.has(digest)) found.set(ref.name.slice(prefix.length), ref.target);
    seen.add(digest);
  }
  return found;
}

function notFound(store: Store, text: string): AshlarError {
  const names = listImages(store);
  const known =
    names.length === 0 ? "the store has no images yet" : `the store has ${names.slice(0, 8).join(", ")}`;
  return new AshlarError("IMAGE_NOT_FOUND", `Cannot find image "${text}" in the store`, {
    because: [known],
    hint:
      "build it: ashlar build SPEC; an image elsewhere is oci:PATH, oci-archive:PATH, docker-archive:PATH, or in " +
      "podman containers-storage:NAME",
  });
}

/** The names of all images, each once. */
export function listImages(store: Store): readonly string[] {
  const refs = store
    .listRefs()
    .filter((ref) => ref.name.startsWith(prefix) && !ref.name.includes("@sha256:"));
  return refs.map((ref) => ref.name.slice(prefix.length));
}

/** Forgets every build that its name no longer points to. Returns how many. */
export function pruneSuperseded(store: Store): number {
  const current = new Set(listImages(store).map((name) => store.getRef(nameRef(name))));
  let count = 0;
  for (const ref of store.listRefs()) {
    if (!ref.name.startsWith(prefix) || !ref.name.includes("@sha256:") || current.has(ref.target)) continue;
    store.deleteRef(ref.name);
    count++;
  }
  return count;
}
