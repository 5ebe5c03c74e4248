// SPDX-License-Identifier: Apache-2.0
import { resolve } from "node:path";

import { findProject, loadSpec } from "../../build/index.ts";
import { convertSpec } from "../../spec/index.ts";
import { openForReading } from "../open-store.ts";
import { parseParameters } from "../parameters.ts";
import type { GlobalOptions, Outcome, Shell } from "../shell.ts";

interface ConvertOptions extends GlobalOptions {
  readonly to: "yaml" | "ts" | "json";
  readonly set?: readonly string[];
}

/** `ashlar convert SPEC --to FORM`: prints the spec's document in another form. */
export async function convert(shell: Shell, spec: string, options: ConvertOptions): Promise<Outcome> {
  const store = await openForReading(shell, options);
  try {
    const project = findProject(resolve(shell.cwd, spec), spec);
    const { document, digest } = await loadSpec(project, parseParameters(options.set), store);
    const text = await convertSpec(document, options.to);
    return { text, json: { form: options.to, document: digest, text } };
  } finally {
    store.close();
  }
}
