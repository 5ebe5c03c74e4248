// SPDX-License-Identifier: Apache-2.0
import { AshlarError, compareOrdinal } from "../../base/index.ts";
import { didYouMean } from "../../spec/index.ts";
import type { ContentReader, UnpackedPackage } from "../content.ts";
import { type DebconfQuestion, debconfQuestions, findQuestion } from "./questions.ts";
import { splitList } from "./template.ts";

/** The spec's `system.debconf`: question to answer. */
export type DebconfAnswers = Readonly<Record<string, string>>;

const types = new Set(["string", "password", "boolean", "select", "multiselect"]);

/**
 * The text for `debconf-set-selections` with the answers to the packages' questions, in the order of the
 * questions' names; undefined where none of the answers is for them. Throws as `verifyAnswers`.
 */
export function debconfSelections(
  answers: DebconfAnswers,
  packages: readonly UnpackedPackage[],
  contents: ContentReader,
): string | undefined {
  const names = Object.keys(answers).sort(compareOrdinal);
  if (names.length === 0) return undefined;
  const questions = debconfQuestions(packages, contents);
  const owners = ownersOf(packages);
  const lines = names.flatMap((name) => {
    const question = findQuestion(name, questions, owners);
    if (question === undefined) return [];
    const answer = answers[name] as string;
    verifyAnswer(question, answer);
    return [`${question.owner} ${name} ${question.type} ${answer}\n`];
  });
  return lines.length === 0 ? undefined : lines.join("");
}

/**
 * Checks the answers against all packages of an image. Throws `ASSEMBLE_DEBCONF_UNKNOWN` where no package has
 * such a question, and `ASSEMBLE_DEBCONF_ANSWER` where the question cannot have such an answer.
 */
export function verifyAnswers(
  answers: DebconfAnswers,
  packages: readonly UnpackedPackage[],
  contents: ContentReader,
): void {
  const names = Object.keys(answers).sort(compareOrdinal);
  if (names.length === 0) return;
  const questions = debconfQuestions(packages, contents);
  const owners = ownersOf(packages);
  for (const name of names) {
    const question = findQuestion(name, questions, owners);
    if (question === undefined) throw unknown(name, questions);
    verifyAnswer(question, answers[name] as string);
  }
}

function ownersOf(packages: readonly UnpackedPackage[]): ReadonlySet<string> {
  return new Set(packages.map(({ locked }) => locked.name));
}

function unknown(name: string, questions: ReadonlyMap<string, DebconfQuestion>): AshlarError {
  const asked = [...questions.values()]
    .filter(({ type }) => types.has(type))
    .map((question) => question.name);
  const own = asked.filter((other) => other.startsWith(name.slice(0, name.indexOf("/") + 1) || `${name}/`));
  const meant = didYouMean(name, asked);
  const hint =
    meant !== undefined
      ? `did you mean "${meant}"?`
      : own.length > 0
        ? `that package asks ${own.sort(compareOrdinal).slice(0, 10).join(", ")}${own.length > 10 ? ", ..." : ""}`
        : "a question is named PACKAGE/QUESTION, and its package must be one of the image's";
  const message = `Cannot answer debconf question "${name}": no package of the image asks it`;
  return new AshlarError("ASSEMBLE_DEBCONF_UNKNOWN", message, { hint, details: { question: name } });
}

function verifyAnswer(question: DebconfQuestion, answer: string): void {
  const fault = faultOf(question, answer);
  if (fault === undefined) return;
  // The answer to a password question is nobody's business.
  const given = question.type === "password" ? "" : ` with ${JSON.stringify(answer.slice(0, 80))}`;
  throw new AshlarError(
    "ASSEMBLE_DEBCONF_ANSWER",
    `Cannot answer debconf question "${question.name}"${given}: ${fault}`,
    { details: { question: question.name } },
  );
}

function faultOf({ type, choices }: DebconfQuestion, answer: string): string | undefined {
  if (!types.has(type)) return `it is a ${type}, which has no answer`;
  // The format joins a line that ends in a backslash with the next one.
  if (/[\n\r\0]|\\$/.test(answer)) return "want one line without a backslash at its end";
  if (type === "boolean" && answer !== "true" && answer !== "false") return "want true or false";
  if (choices === undefined || answer === "") return undefined;
  if (type !== "select" && type !== "multiselect") return undefined;
  const chosen = type === "select" ? [answer] : splitList(answer);
  const wrong = chosen.find((choice) => !choices.includes(choice));
  if (wrong === undefined) return undefined;
  const some = type === "select" ? "one" : "some";
  return `${JSON.stringify(wrong.slice(0, 80))} is no choice, want ${some} of ${listOf(choices)}`;
}

function listOf(choices: readonly string[]): string {
  const shown = choices.slice(0, 20).map((choice) => JSON.stringify(choice));
  return `${shown.join(", ")}${choices.length > 20 ? ", ..." : ""}`;
}
