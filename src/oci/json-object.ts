// SPDX-License-Identifier: Apache-2.0
import { AshlarError, compareOrdinal, type Digest, isDigest } from "../base/index.ts";
import { ociLimits } from "./limits.ts";

/**
 * An object of a parsed document, read field by field with checks. `null` counts as absent, as in Go.
 * Every method throws `OCI_FIELD` with the document's name and the field's path.
 */
export class JsonObject {
  readonly #values: Readonly<Record<string, unknown>>;
  readonly #what: string;
  readonly #path: string;

  /** `known`: the fields that have a meaning here; others may be there, unless they differ only in case. */
  constructor(value: unknown, what: string, path: string, known: readonly string[]) {
    this.#what = what;
    this.#path = path;
    if (typeof value !== "object" || value === null || Array.isArray(value)) throw this.#fault("", "want an object");
    this.#values = value as Record<string, unknown>;
    this.#refuseOtherCase(known);
  }

  // Go's decoder, which most readers of images use, takes "Layers" for "layers": two readers, two images.
  #refuseOtherCase(known: readonly string[]): void {
    const folded = new Map(known.map((key) => [fold(key), key]));
    for (const key of Object.keys(this.#values)) {
      const meant = folded.get(fold(key));
      if (meant !== undefined && meant !== key) throw this.#fault(key, `want it spelt "${meant}"`);
    }
  }

  has(key: string): boolean {
    return this.#get(key) !== undefined;
  }

  text(key: string): string {
    return this.maybeText(key) ?? this.#missing(key);
  }

  maybeText(key: string): string | undefined {
    const value = this.#get(key);
    if (value === undefined || typeof value === "string") return value;
    throw this.#fault(key, "want a text");
  }

  maybeFlag(key: string): boolean | undefined {
    const value = this.#get(key);
    if (value === undefined || typeof value === "boolean") return value;
    throw this.#fault(key, "want true or false");
  }

  /** A whole number from 0 to 2^53 - 1. */
  count(key: string): number {
    return this.maybeCount(key) ?? this.#missing(key);
  }

  maybeCount(key: string): number | undefined {
    const value = this.#get(key);
    if (value === undefined) return undefined;
    if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
    throw this.#fault(key, "want a whole number, not negative");
  }

  /** Only sha256: the one algorithm Ashlar stores and verifies by. */
  digest(key: string): Digest {
    const text = this.text(key);
    if (isDigest(text)) return text;
    throw this.#fault(key, `${quote(text)} is not sha256: and 64 lower-case hex digits`);
  }

  digests(key: string): Digest[] {
    return this.texts(key).map((text) => {
      if (isDigest(text)) return text;
      throw this.#fault(key, `${quote(text)} is not sha256: and 64 lower-case hex digits`);
    });
  }

  texts(key: string): string[] {
    return this.maybeTexts(key) ?? this.#missing(key);
  }

  maybeTexts(key: string): string[] | undefined {
    const value = this.#get(key);
    if (value === undefined) return undefined;
    if (Array.isArray(value) && value.every((item) => typeof item === "string")) return value;
    throw this.#fault(key, "want a list of texts");
  }

  /** A map from text to text of bounded size, in ordinal order of its keys. */
  maybeTextMap(key: string): Readonly<Record<string, string>> | undefined {
    const value = this.#get(key);
    if (value === undefined) return undefined;
    if (typeof value !== "object" || Array.isArray(value)) throw this.#fault(key, "want an object of texts");
    const entries = Object.entries(value as Record<string, unknown>);
    if (!entries.every((entry): entry is [string, string] => typeof entry[1] === "string")) {
      throw this.#fault(key, "want an object of texts");
    }
    const size = entries.reduce((sum, [name, text]) => sum + Buffer.byteLength(name) + Buffer.byteLength(text), 0);
    const max = ociLimits.annotationBytesMax;
    if (size > max) throw this.#fault(key, `has ${size} bytes, want at most ${max}`);
    return Object.fromEntries(entries.sort(([a], [b]) => compareOrdinal(a, b)));
  }

  /** The keys of an object whose values carry nothing (`{"8080/tcp": {}}`), in ordinal order. */
  maybeKeys(key: string): string[] | undefined {
    const value = this.#get(key);
    if (value === undefined) return undefined;
    if (typeof value !== "object" || Array.isArray(value)) throw this.#fault(key, "want an object");
    return Object.keys(value as object).sort(compareOrdinal);
  }

  maybeObject(key: string, known: readonly string[]): JsonObject | undefined {
    const value = this.#get(key);
    return value === undefined ? undefined : new JsonObject(value, this.#what, this.#at(key), known);
  }

  object(key: string, known: readonly string[]): JsonObject {
    return this.maybeObject(key, known) ?? this.#missing(key);
  }

  objects(key: string, known: readonly string[], countMax: number): JsonObject[] {
    return this.maybeObjects(key, known, countMax) ?? this.#missing(key);
  }

  maybeObjects(key: string, known: readonly string[], countMax: number): JsonObject[] | undefined {
    const value = this.#get(key);
    if (value === undefined) return undefined;
    if (!Array.isArray(value)) throw this.#fault(key, "want a list");
    if (value.length > countMax) throw this.#fault(key, `has ${value.length} items, want at most ${countMax}`);
    return value.map((item, i) => new JsonObject(item, this.#what, `${this.#at(key)}[${i}]`, known));
  }

  /** Makes an error about a field, for checks that are not here. */
  fault(key: string, wanted: string): AshlarError {
    return this.#fault(key, wanted);
  }

  #get(key: string): unknown {
    return Object.hasOwn(this.#values, key) ? (this.#values[key] ?? undefined) : undefined;
  }

  #at(key: string): string {
    return this.#path === "" || key === "" ? `${this.#path}${key}` : `${this.#path}.${key}`;
  }

  #missing(key: string): never {
    throw this.#fault(key, "is missing");
  }

  #fault(key: string, wanted: string): AshlarError {
    const path = this.#at(key.slice(0, 100));
    const object = path === "" ? this.#what : `${this.#what}: field "${path}"`;
    return new AshlarError("OCI_FIELD", `Cannot read ${object}${path === "" ? ": " : " "}${wanted}`);
  }
}

/** Folds case as Go's JSON decoder does, the long s and the Kelvin sign included. */
function fold(key: string): string {
  return key.toUpperCase().toLowerCase();
}

function quote(text: string): string {
  return JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}...` : text);
}

/** Leaves out what is undefined, so that an absent field is absent in every sense. */
export function withoutUndefined<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, item]) => item !== undefined)) as T;
}
