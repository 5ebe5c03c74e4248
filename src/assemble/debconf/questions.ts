// SPDX-License-Identifier: Apache-2.0
import { byText } from "../../base/index.ts";
import { packageId, type ContentReader, type UnpackedPackage } from "../content.ts";
import { type DebconfTemplate, parseTemplates } from "./template.ts";

/** A question that some package may ask. */
export interface DebconfQuestion extends DebconfTemplate {
  /** Name of the package that ships the template. */
  readonly owner: string;
}

/**
 * The questions of packages by name. Of one that several packages ship (`shared/...`) the first by id counts.
 * Throws `DEBIAN_TEMPLATES_INVALID`.
 */
export function debconfQuestions(
  packages: readonly UnpackedPackage[],
  contents: ContentReader,
): ReadonlyMap<string, DebconfQuestion> {
  const questions = new Map<string, DebconfQuestion>();
  for (const { locked, control } of [...packages].sort(byText(({ locked }) => packageId(locked)))) {
    const digest = control.get("templates");
    if (digest === undefined) continue;
    for (const template of parseTemplates(contents.read(digest), `package "${locked.name}"`)) {
      if (!questions.has(template.name)) questions.set(template.name, { ...template, owner: locked.name });
    }
  }
  return questions;
}

/**
 * The question of a name. A package may ask another's question under its own name (`phpmyadmin/dbconfig-install`
 * of dbconfig-common's `dbconfig-common/dbconfig-install`): `owners` are the packages that may.
 */
export function findQuestion(
  name: string,
  questions: ReadonlyMap<string, DebconfQuestion>,
  owners: ReadonlySet<string>,
): DebconfQuestion | undefined {
  const exact = questions.get(name);
  const slash = name.indexOf("/");
  const owner = name.slice(0, slash);
  if (exact !== undefined || slash < 0 || !owners.has(owner)) return exact;
  const rest = name.slice(slash);
  const borrowed = [...questions.values()].find(
    (other) => other.name.slice(other.name.indexOf("/")) === rest,
  );
  return borrowed === undefined ? undefined : { ...borrowed, name, owner };
}
