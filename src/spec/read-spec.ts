// SPDX-License-Identifier: Apache-2.0
import { AshlarError, type Digest } from "../base/index.ts";
import { checkMeaning } from "./check-meaning.ts";
import { checkShape } from "./check-shape.ts";
import type { Document } from "./document.ts";
import { expandFleet, expandImage } from "./expand.ts";
import { type Fault, type Locator, specError } from "./fault.ts";
import { fleetShape, imageShape } from "./shape.ts";
import type { Source, SpecText } from "./source.ts";

export interface Spec {
  readonly document: Document;
  /** Further files of the project that were read, by path; a change of one changes the document. */
  readonly inputs: readonly { readonly path: string; readonly digest: Digest }[];
}

const textCharsMax = 1 << 20;

/** Reads a spec of any form; the heavy half of `readSpec` (`index.ts`), which has the contract. */
export async function readSpecText(spec: SpecText): Promise<Spec> {
  if (spec.text.length > textCharsMax) {
    const message = `Cannot read the spec: it has ${spec.text.length} characters, want ${textCharsMax} at most`;
    throw new AshlarError("SPEC_INVALID", message, { where: { file: spec.file } });
  }
  const source = await readSource(spec);
  return { document: documentOf(source), inputs: source.inputs };
}

async function readSource(spec: SpecText): Promise<Source> {
  switch (/\.([a-z]+)$/.exec(spec.file)?.[1]) {
    case "ts":
    case "mts":
      return (await import("./typescript-source.ts")).readTypeScript(spec);
    case "yaml":
    case "yml":
      return withoutParameters(spec, (await import("./yaml-source.ts")).readYaml(spec));
    case "json":
      return withoutParameters(spec, (await import("./json-source.ts")).readJson(spec));
    default:
      throw new AshlarError("SPEC_INVALID", "Cannot read the spec: its ending is unknown, want .yaml, .ts or .json", {
        where: { file: spec.file },
      });
  }
}

function withoutParameters(spec: SpecText, source: Source): Source {
  const faults = Object.keys(spec.parameters).map((name): Fault => {
    const message = `set "${name}": only TypeScript specs have inputs`;
    return { path: [], message, hint: `rewrite it: ashlar convert --to ts`, where: { file: spec.file } };
  });
  return { ...source, faults: [...source.faults, ...faults] };
}

/** Checks plain data and makes the canonical document of it, or throws all that is wrong with it. */
export function documentOf({ value, faults, locator }: Pick<Source, "value" | "faults" | "locator">): Document {
  if (value === undefined) throw specError(faults, locator);
  const kind = kindOf(value);
  if (typeof kind !== "string") throw specError([...faults, kind], locator);
  const document = kind === "fleet/v1" ? readFleet(value, faults, locator) : readImage(value, faults, locator);
  const contradictions = checkMeaning(document);
  if (contradictions.length > 0) throw specError(contradictions, locator);
  return document;
}

function kindOf(value: unknown): "image/v1" | "fleet/v1" | Fault {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return { path: [], message: 'use the spec: it is not a mapping, want "ashlar: image/v1" and then its fields' };
  }
  const kind = Object.hasOwn(value, "ashlar") ? (value as { ashlar: unknown }).ashlar : undefined;
  if (kind === "image/v1" || kind === "fleet/v1") return kind;
  if (kind !== undefined) {
    return { path: ["ashlar"], message: `use ashlar: it is ${JSON.stringify(kind)}, want "image/v1" or "fleet/v1"` };
  }
  const hint = 'begin with "ashlar: image/v1", or in TypeScript: export default image({ ... })';
  return { path: [], message: 'use the spec: key "ashlar" is missing, want "image/v1" or "fleet/v1"', hint };
}

function readImage(value: unknown, before: readonly Fault[], locator: Locator): Document {
  const { data, faults } = checkShape(imageShape, value, locator);
  throwAny(before, faults, locator);
  return expandImage(data);
}

function readFleet(value: unknown, before: readonly Fault[], locator: Locator): Document {
  const { data, faults } = checkShape(fleetShape, value, locator);
  throwAny(before, faults, locator);
  return expandFleet(data);
}

/** What the reader of the form found comes first; what the shape says of the same place is an echo. */
function throwAny(before: readonly Fault[], faults: readonly Fault[], locator: Locator): void {
  const told = new Set(before.filter(({ where }) => where === undefined).map(({ path }) => JSON.stringify(path)));
  const all = [...before, ...faults.filter(({ path }) => !told.has(JSON.stringify(path)))];
  if (all.length > 0) throw specError(all, locator);
}
