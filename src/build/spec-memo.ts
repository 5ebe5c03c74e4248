// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";

import { type Digest, digestOf, isSystemError, type Json } from "../base/index.ts";
import { type Document, documentDigest, readSpec } from "../spec/index.ts";
import type { Action, Store } from "../store/index.ts";
import { insideProject } from "./inside.ts";
import type { Project } from "./project.ts";

export interface LoadedSpec {
  readonly document: Document;
  /** Of the canonical text, which the lock names. */
  readonly digest: Digest;
}

interface Remembered {
  readonly document: Document;
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
    return { document: known.document, digest: documentDigest(known.document) };
  }
  const readModule = (path: string): string | undefined => readText(project, path);
  const { document, inputs } = await readSpec({ file: project.specName, text, parameters, readModule });
  store.putAction(action, { value: { document, inputs } as unknown as Json, reaches: {} });
  return { document, digest: documentDigest(document) };
}

function specAction(project: Project, text: string, parameters: Readonly<Record<string, string>>): Action {
  const form = project.specPath.slice(project.specPath.lastIndexOf(".") + 1);
  return { operation: "spec.read", version: 2, inputs: [digestOf(text)], parameters: { form, parameters } };
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
