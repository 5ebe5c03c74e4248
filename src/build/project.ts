// SPDX-License-Identifier: Apache-2.0
import { existsSync, statSync } from "node:fs";
import { basename, dirname, extname, join } from "node:path";

import { AshlarError } from "../base/index.ts";

/** Where the user's spec, its lock and the files it may name lie. */
export interface Project {
  /** Absolute; everything the spec names lies below. */
  readonly dir: string;
  /** Absolute path of the spec, and the name by which errors call it. */
  readonly specPath: string;
  readonly specName: string;
  readonly lockPath: string;
  readonly lockName: string;
}

const names = ["ashlar.yaml", "ashlar.yml", "ashlar.ts", "ashlar.json"] as const;

/**
 * Finds the project that SPEC (an absolute path of a file or directory) means. Throws `SPEC_NOT_FOUND`,
 * `SPEC_AMBIGUOUS`.
 */
export function findProject(path: string, shown: string): Project {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) {
    throw new AshlarError("SPEC_NOT_FOUND", `Cannot open spec "${shown}": no such file or directory`, {
      hint: "name a spec file or a directory that has one, or write a first one: ashlar init",
    });
  }
  return stat.isDirectory() ? inDirectory(path, shown) : atFile(path, shown);
}

function inDirectory(dir: string, shown: string): Project {
  const found = names.filter((name) => existsSync(join(dir, name)));
  if (found.length > 1) {
    throw new AshlarError(
      "SPEC_AMBIGUOUS",
      `Cannot choose a spec in "${shown}": ${found.join(" and ")} are there`,
      {
        hint: `name one of them, e.g. ashlar build ${join(shown, found[0] as string)}`,
      },
    );
  }
  const [name] = found;
  if (name === undefined) {
    throw new AshlarError(
      "SPEC_NOT_FOUND",
      `Cannot find a spec in "${shown}": none of ${names.join(", ")} is there`,
      {
        hint: "write a first one: ashlar init",
      },
    );
  }
  return atFile(join(dir, name), shown === "." ? name : join(shown, name));
}

/** The lock lies beside the spec and has its name: ashlar.yaml has ashlar.lock. */
function atFile(path: string, shown: string): Project {
  const lock = `${basename(path, extname(path))}.lock`;
  const dir = dirname(path);
  return {
    dir,
    specPath: path,
    specName: shown,
    lockPath: join(dir, lock),
    lockName: join(dirname(shown), lock),
  };
}
