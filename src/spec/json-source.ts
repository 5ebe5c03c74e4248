// SPDX-License-Identifier: Apache-2.0
import type { Source, SpecText } from "./source.ts";
import { lineColumnAt, placeAt } from "./text-place.ts";
import { readYaml } from "./yaml-source.ts";

/** Reads a JSON spec: strict JSON, then as the YAML it is, which knows places and duplicate keys. */
export function readJson(spec: SpecText): Source {
  const text = spec.text.replace(/^\uFEFF/, "");
  try {
    JSON.parse(text);
  } catch (error) {
    const reason = (error as Error).message;
    const offset = /at position (\d+)/.exec(reason)?.[1];
    const position = lineColumnAt(text, offset === undefined ? text.length : Number(offset));
    const where = placeAt(spec.file, text, position);
    const message = `read JSON: ${reason.replace(/ (in JSON )?at position.*$/, "")}`;
    return { value: undefined, faults: [{ path: [], message, where }], locator: { placeOf: () => where }, inputs: [] };
  }
  return readYaml({ ...spec, text });
}
