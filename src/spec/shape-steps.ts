// SPDX-License-Identifier: Apache-2.0
import { z } from "zod";

import { about, list, plainText, some, truth } from "./shape-parts.ts";
import { texts } from "./shape-texts.ts";

/** Commands: what runs on the system, and what is built in a root of its own. */

const argumentsWant = 'a program with its arguments, such as ["make", "install"] (or script: TEXT instead)';
const cmd = about(
  z
    .array(texts.argument, { error: argumentsWant })
    .min(1, { error: argumentsWant })
    .refine(([program]) => program !== "", { error: argumentsWant, path: [0] })
    .readonly(),
  "A program with its arguments; no shell reads it",
);
const script = about(texts.script, "Text for /bin/sh -eu");
const inputs = about(some(texts.projectGlob), "Files of the project that it can read; it sees no others");
const env = about(z.record(texts.envName, plainText), "Environment on top of the fixed one");

const runFields = { env: env.optional(), inputs: inputs.optional() };

export const runShape = z.union([
  texts.script,
  z.strictObject({ script, ...runFields }),
  z.strictObject({ cmd, ...runFields }),
]);

const sourceFile = z.strictObject({
  url: about(texts.url, "Where it is fetched from"),
  sha256: about(texts.sha256, "Digest of the file, 64 hex digits"),
  unpack: about(
    truth,
    "Whether to unpack it without the directory it lies in; true where the address ends in .tar, .tar.gz, ...",
  ).optional(),
  to: about(texts.pathBelow, "Where to below $SRC: a directory, or the name of a file").optional(),
  patches: about(some(texts.projectFile), "Files of the project for patch -p1, in order").optional(),
});

const stepFields = {
  tools: about(list(texts.relation), "Packages that are there while it runs").optional(),
  inputs: inputs.optional(),
  exclude: about(some(texts.projectGlob), "Files to leave out of the inputs").optional(),
  sources: about(list(sourceFile), "Files from elsewhere, by digest").optional(),
  env: env.optional(),
  outputs: about(
    z.union([texts.outputGlob, list(texts.outputGlob, "at least one output")]),
    "What it makes, by path or pattern below $OUT",
  ),
  secrets: about(list(texts.secretName), "Secrets it reads from /run/secrets/NAME").optional(),
  timeout: about(texts.timeLimit, 'How long it may run, such as "30m"').optional(),
  memory: about(texts.size, 'How much memory it may use, such as "4GiB"').optional(),
};

export const stepShape = z.union([
  z.strictObject({ cmd, ...stepFields }),
  z.strictObject({ script, ...stepFields }),
]);
