// SPDX-License-Identifier: Apache-2.0
/**
 * What the user asked for: reads `ashlar.yaml`, `ashlar.ts` or JSON into one canonical document. Takes text and gives
 * values; the libraries that read and check load when first needed.
 *
 * - spec: the text a user writes, in any form
 * - document: what it means, defaults filled in; the same for all forms, and the only thing hashed, locked and signed
 * - fleet: several images, some standing on others
 * - input: a value that a TypeScript spec takes from `--set name=value`
 *
 *     const { document } = await readSpec({ file: "ashlar.yaml", text });
 *     const digest = documentDigest(document);
 */
import type { SpecForm } from "./convert.ts";
import type { Document } from "./document.ts";
import type { Spec } from "./read-spec.ts";

export type {
  AppItem,
  ConfigDocument,
  Document,
  ExpectDocument,
  FleetDocument,
  FromDocument,
  ImageDocument,
  LifecycleDocument,
  Platform,
  SourceDocument,
  SystemDocument,
  UserDocument,
} from "./document.ts";
export { imagesOf } from "./document.ts";
export { documentDigest, documentText } from "./document-text.ts";
export { initSpec } from "./init-spec.ts";
export type { Spec } from "./read-spec.ts";
export type { SpecForm };

/**
 * Reads a spec. `file` is the name errors show, its ending the form and its directory the project; `parameters` are
 * the values of `--set`; `readModule` gives the text of a file of the project by its path there, for imports of
 * TypeScript specs. Throws `SPEC_INVALID`: the first fault with its place, all of them as errors in
 * `details.faults` where there are several.
 */
export async function readSpec(spec: {
  readonly file: string;
  readonly text: string;
  readonly parameters?: Readonly<Record<string, string>>;
  readonly readModule?: (path: string) => string | undefined;
}): Promise<Spec> {
  const { readSpecText } = await import("./read-spec.ts");
  return readSpecText({ parameters: {}, ...spec });
}

/** Writes a document as a readable spec that reads back to the same document. */
export async function convertSpec(document: Document, form: SpecForm): Promise<string> {
  return (await import("./convert.ts")).convertDocument(document, form);
}

/** The JSON Schema (2020-12) of the YAML and JSON forms, for editors. */
export async function jsonSchema(kind: "image/v1" | "fleet/v1"): Promise<object> {
  return (await import("./json-schema.ts")).schemaOf(kind);
}
