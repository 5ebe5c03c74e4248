// SPDX-License-Identifier: Apache-2.0
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";

import { AshlarError } from "../../base/index.ts";
import { initSpec, jsonSchema } from "../../spec/index.ts";
import type { GlobalOptions, Outcome, Shell } from "../shell.ts";

interface InitOptions extends GlobalOptions {
  readonly form: "yaml" | "ts";
  readonly fleet?: boolean;
}

/** `ashlar init [DIR]`: writes a spec that builds, and for YAML the schema its editor checks it with. */
export async function init(shell: Shell, dir: string | undefined, options: InitOptions): Promise<Outcome> {
  const kind = options.fleet ? "fleet" : "image";
  const place = resolve(shell.cwd, dir ?? ".");
  const schemaName = `.ashlar/${kind}.v1.schema.json`;
  const texts = new Map<string, string>();
  texts.set(`ashlar.${options.form}`, initSpec({ form: options.form, kind, schema: `./${schemaName}` }));
  if (options.form === "yaml")
    texts.set(schemaName, `${JSON.stringify(await jsonSchema(`${kind}/v1`), null, 2)}\n`);
  const [spec] = texts.keys() as unknown as [string];
  const taken = ["ashlar.yaml", "ashlar.yml", "ashlar.ts", "ashlar.json"].find((name) =>
    existsSync(join(place, name)),
  );
  if (taken !== undefined) {
    throw new AshlarError("USAGE_EXISTS", `Cannot write "${spec}": there is "${taken}" already`, {
      hint: "name another directory, or remove the spec that is there",
    });
  }
  mkdirSync(join(place, ".ashlar"), { recursive: true });
  for (const [name, text] of texts) writeFileSync(join(place, name), text);
  const files = [...texts.keys()].map((name) => join(dir ?? ".", name));
  return {
    text: `${files.map((file) => `wrote ${file}\n`).join("")}next: ashlar build ${dir ?? "."}\n`,
    json: { files },
  };
}
