// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";

import { canonicalJson, type Digest, digestOf, isSystemError, type Json } from "../base/index.ts";
import type { Document } from "../spec/index.ts";
import { readSpec } from "../spec/index.ts";
import type { Action, Store } from "../store/index.ts";
import { insideProject } from "./inside.ts";
import type { Project } from "./project.ts";

export interface LoadedSpec {
  readonly document: Document;
  /** The canonical text and its digest, which the lock names. */
  readonly text: string;
  readonly digest: Digest;
}

interface Remembered {
  readonly text: string;
  /** The further modules that the evaluation read, with their digests then. */
  readonly inputs: readonly { readonly path: string; readonly digest: Digest }[];
}

/**
 * Reads the spec of a project. Evaluating a spec is a pure step, so its result is remembered: an unchanged
 * spec costs one look-up and never loads the YAML or TypeScript machinery.
 */
export async function loadSpec(
  project: Project,
  parameters: Readonly<Record<string, string>>,
  store: Store,
): Promise<LoadedSpec> {
  const text = readFileSync(project.specPath, "utf8");
  const action = specAction(project, text, parameters);
  const known = store.getAction(action)?.value as unknown as Remembered | undefined;
  if (
    known !== undefined &&
    known.inputs.every((input) => digestOfFile(project, input.path) === input.digest)
  ) {
    return { document: JSON.parse(known.text) as Document, text: known.text, digest: digestOf(known.text) };
  }
  const readModule = (path: string): string | undefined => readText(project, path);
  const { document, inputs } = await readSpec({ file: project.specName, text, parameters, readModule });
  const canonical = canonicalJson(document as unknown as Json);
  store.putAction(action, { value: { text: canonical, inputs } as unknown as Json, reaches: {} });
  return { document, text: canonical, digest: digestOf(canonical) };
}

function specAction(project: Project, text: string, parameters: Readonly<Record<string, string>>): Action {
  const form = project.specPath.slice(project.specPath.lastIndexOf(".") + 1);
  return { operation: "spec.read", version: 1, inputs: [digestOf(text)], parameters: { form, parameters } };
}

function readText(project: Project, path: string): string | undefined {
  try {
    return readFileSync(insideProject(project.dir, path), "utf8");
  } catch (error) {
    if (isSystemError(error, "ENOENT", "EISDIR", "ENOTDIR")) return undefined;
    throw error;
  }
}

function digestOfFile(project: Project, path: string): Digest | undefined {
  const text = readText(project, path);
  return text === undefined ? undefined : digestOf(text);
}
