// SPDX-License-Identifier: Apache-2.0
import { contractDocument } from "./contract.ts";
import type { Document } from "./document.ts";
import { printTypeScript } from "./print-typescript.ts";

/** The forms a spec is written in; the ending of its file. */
export type SpecForm = "yaml" | "ts" | "json";

/** The readable text of a document in a form. */
export async function convertDocument(document: Document, form: SpecForm): Promise<string> {
  // Through JSON, so that keys with the value undefined are gone.
  const written = JSON.parse(JSON.stringify(contractDocument(document))) as Record<string, unknown>;
  switch (form) {
    case "json":
      return `${JSON.stringify(written, null, 2)}\n`;
    case "ts":
      return printTypeScript(written);
    case "yaml":
      return (await import("./print-yaml.ts")).printYaml(written);
  }
}
