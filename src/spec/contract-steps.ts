// SPDX-License-Identifier: Apache-2.0
import type { RunDocument, SourceFileDocument, StepDocument } from "./document.ts";
import { fileName, isArchive, shell } from "./expand-steps.ts";
import {
  oneOrList,
  sizeText,
  someItems,
  someOf,
  type Units,
  unitText,
  unless,
  type Written,
} from "./written.ts";

export function contractRun({ argv, env, inputs }: RunDocument): string | Written {
  const command = commandOf(argv);
  const isPlain = command.script !== undefined && someOf(env) === undefined && inputs.length === 0;
  return isPlain ? command.script : { ...command, env: someOf(env), inputs: globsOf(inputs) };
}

export function contractStep(step: StepDocument): Written {
  const { tools, inputs, exclude, sources, argv, env, outputs, secrets, timeoutSeconds, memoryBytes } = step;
  return {
    tools: someItems(tools),
    inputs: globsOf(inputs),
    exclude: globsOf(exclude),
    sources: someItems(sources.map(contractSource)),
    env: someOf(env),
    ...commandOf(argv),
    outputs: oneOrList(outputs),
    secrets: someItems(secrets),
    timeout: timeoutSeconds === undefined ? undefined : unitText(timeoutSeconds, timeUnits),
    memory: sizeText(memoryBytes),
  };
}

const timeUnits: Units = [["h", 3600], ["m", 60], ["s", 1]]; // prettier-ignore

/** A text for our shell is a script; one that holds nothing to run could not be read again. */
function commandOf(argv: readonly string[]): { readonly script?: string; readonly cmd?: readonly string[] } {
  const [text, ...more] = argv.slice(shell.length);
  const isScript = shell.every((part, i) => argv[i] === part) && more.length === 0 && text?.trim();
  return isScript && text !== undefined ? { script: text } : { cmd: argv };
}

function globsOf(globs: readonly string[]): string | readonly string[] | undefined {
  return globs.length === 0 ? undefined : oneOrList(globs);
}

function contractSource({ url, sha256, unpack, to, patches }: SourceFileDocument): Written {
  return {
    url,
    sha256: sha256.slice("sha256:".length),
    unpack: unless(unpack, isArchive(url)),
    to: unless(to, unpack ? "." : fileName(url)),
    patches: globsOf(patches),
  };
}
