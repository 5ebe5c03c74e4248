// SPDX-License-Identifier: Apache-2.0
import { AshlarError, compareOrdinal } from "../../base/index.ts";
import { type DebconfItem, parseDebconfDatabase } from "./database.ts";
import type { DebconfAnswers } from "./selections.ts";

/** What packages asked, as debconf wrote it down; files of /var/cache/debconf. */
export interface DebconfFiles {
  /** config.dat */
  readonly config: Uint8Array;
  /** passwords.dat, where the questions of type password are. */
  readonly passwords?: Uint8Array | undefined;
  /** templates.dat */
  readonly templates: Uint8Array;
}

/** A question that a package put, to which there is no answer. */
export interface UnansweredQuestion {
  readonly name: string;
  readonly type: string;
  /** In one line, variables filled in. */
  readonly description: string;
  /** Packages that have it. */
  readonly owners: readonly string[];
}

/**
 * Questions that would have been shown on a terminal (noninteractive runs mark them "seen" with
 * DEBCONF_NONINTERACTIVE_SEEN, at priority high and above), have neither value nor default, and are not among
 * the answers, in the order of names. A multiselect is not among them: to choose nothing is an answer.
 * Throws `ASSEMBLE_DEBCONF_INVALID`.
 */
export function findUnanswered(files: DebconfFiles, answered: DebconfAnswers): readonly UnansweredQuestion[] {
  const asked = [
    ...parseDebconfDatabase(files.config, "config.dat"),
    ...parseDebconfDatabase(files.passwords ?? new Uint8Array(), "passwords.dat"),
  ].filter(([name, item]) => isOpen(item) && !Object.hasOwn(answered, name));
  // The templates are a megabyte of translations, and mostly nothing is asked.
  if (asked.length === 0) return [];
  const templates = parseDebconfDatabase(files.templates, "templates.dat");
  return asked
    .flatMap(([name, item]) => questionOf(name, item, templates.get(item.fields.get("template") ?? name)))
    .sort((a, b) => compareOrdinal(a.name, b.name));
}

function isOpen({ flags, fields }: DebconfItem): boolean {
  return flags.has("seen") && (fields.get("value") ?? "") === "";
}

function questionOf(
  name: string,
  item: DebconfItem,
  template: DebconfItem | undefined,
): readonly UnansweredQuestion[] {
  const type = template?.fields.get("type") ?? "";
  if (template === undefined || !["string", "select", "password"].includes(type)) return [];
  if ((template.fields.get("default") ?? "") !== "") return [];
  const text = template.fields.get("description") ?? "";
  const description = text.replace(
    /\$\{([^}]*)\}/g,
    (_, variable: string) => item.variables.get(variable) ?? "",
  );
  return [{ name, type, description, owners: item.owners }];
}

/** Throws `ASSEMBLE_DEBCONF_UNANSWERED` with each question and the line to write into the spec. */
export function verifyAnswered(questions: readonly UnansweredQuestion[]): void {
  if (questions.length === 0) return;
  const [first] = questions as [UnansweredQuestion];
  const more = questions.length > 1 ? ` and ${questions.length - 1} more` : "";
  const what = `debconf question "${first.name}"${more} has no answer and no default`;
  const lines = questions.map(({ name }) => `"${name}": "..."`);
  throw new AshlarError("ASSEMBLE_DEBCONF_UNANSWERED", `Cannot install ${first.owners.join(", ")}: ${what}`, {
    because: questions.map(({ name, type, description }) => `${name} (${type}): ${description}`),
    hint: `answer in the spec, "" for nothing: system: { debconf: { ${lines.join(", ")} } }`,
    details: { questions },
  });
}
