// SPDX-License-Identifier: Apache-2.0
import { AshlarError, type Digest, pathToBytes } from "../../base/index.ts";
import type { Tree } from "../../formats/index.ts";
import { findSecret } from "./find-secrets.ts";
import type { SecretForm } from "./secret-forms.ts";

/** What a step left, and the secrets found on the way. */
export interface Searched {
  /** What lies below $OUT. */
  readonly out: Tree;
  /** The contents that hold a secret. */
  readonly contents: ReadonlyMap<Digest, SecretForm>;
  readonly forms: readonly SecretForm[];
  /** The secret that was in the log. */
  readonly log: SecretForm | undefined;
}

/** Throws `BUILD_SECRET_LEAKED` where a secret is in a file, a name or a link below $OUT, or in the log. */
export function verifyNoSecrets(step: string, { out, contents, forms, log }: Searched): void {
  if (forms.length === 0) return;
  if (log !== undefined) throw leaked(step, log, "its log");
  for (const entry of out) {
    const path = `"$OUT/${entry.path}"`;
    const inName = findSecret(pathToBytes(entry.path), forms);
    if (inName !== undefined) throw leaked(step, inName, "the name of an output");
    if (entry.type === "symlink") {
      const inTarget = findSecret(pathToBytes(entry.target), forms);
      if (inTarget !== undefined) throw leaked(step, inTarget, `the link ${path}`);
    }
    const inFile = entry.type === "file" ? contents.get(entry.content) : undefined;
    if (inFile !== undefined) throw leaked(step, inFile, path);
  }
  for (const inFile of contents.values()) throw leaked(step, inFile, "a file it left");
}

function leaked(step: string, { secret, form }: SecretForm, where: string): AshlarError {
  const message = `Cannot use step "${step}": secret "${secret}" is in ${where}, ${form}`;
  return new AshlarError("BUILD_SECRET_LEAKED", message, {
    hint: "nothing of it was kept; make the step use the secret without writing it anywhere",
    details: { secret, form, where },
  });
}
