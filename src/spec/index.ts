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
export type {
  AppItem,
  ConfigDocument,
  Document,
  ExpectDocument,
  FleetDocument,
  FromDocument,
  ImageDocument,
  LifecycleDocument,
  OciFromDocument,
  Platform,
  RunDocument,
  SourceDocument,
  SourceFileDocument,
  StepDocument,
  SystemDocument,
  UserDocument,
} from "./document.ts";
export { imagesOf } from "./document.ts";
export { documentDigest, documentText } from "./document-text.ts";
export { didYouMean } from "./fault.ts";
export { initSpec } from "./init-spec.ts";
export type { SpecForm } from "./convert.ts";
export { convertSpec, jsonSchema, readSpec } from "./lazy.ts";
export type { Spec } from "./read-spec.ts";
