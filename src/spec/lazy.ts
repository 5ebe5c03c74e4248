// SPDX-License-Identifier: Apache-2.0
/** What needs the YAML, schema and evaluation libraries loads them here, when it is first called. */
import type { SpecForm } from "./convert.ts";
import type { Document } from "./document.ts";
import type { Spec } from "./read-spec.ts";

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
