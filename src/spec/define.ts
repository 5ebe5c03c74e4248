// SPDX-License-Identifier: Apache-2.0
/**
 * The module "ashlar" of TypeScript specs: plain functions that write the same data a YAML spec holds. This file
 * runs as it stands inside the evaluator and gives editors their types, so it imports nothing but types.
 */
import type {
  AbsolutePath,
  AppItemSpec,
  Copy,
  DebianOptions,
  FleetSource,
  FleetSpec,
  From,
  ImageSource,
  ImageSpec,
  OciOptions,
  PinnedImage,
  Placing,
  Step,
  Suite,
} from "./image-spec.ts";

export type * from "./image-spec.ts";

/** One image: the default export of a spec. */
export function image(spec: ImageSpec & { readonly name: string }): ImageSource {
  return { ashlar: "image/v1", ...spec };
}

/** Several images that may stand on each other: the default export of a spec. */
export function fleet(spec: FleetSpec): FleetSource {
  return { ashlar: "fleet/v1", ...spec };
}

/** Packages come from a suite of Debian, and from further sources. */
export function debian(suite: Suite, options: DebianOptions = {}): From {
  return { debian: suite, ...options };
}

/** The image stands on one made elsewhere, `oci("debian@sha256:...")`; its layers stay as they are. */
export function oci(name: PinnedImage, options: OciOptions = {}): From {
  return { oci: name, ...options };
}

/** No packages at all. */
export const scratch: From = "scratch";

/** The image stands on another image of the same fleet. */
export function basedOn(key: string): From {
  return { image: key };
}

/** Places files of the project. */
export function copy(
  from: string | readonly string[],
  to: AbsolutePath,
  options: Omit<Copy, "from" | "to"> = {},
): AppItemSpec {
  return { copy: { from, to, ...options } };
}

/** Places a file with this text. */
export function write(to: AbsolutePath, text: string, options: Placing = {}): AppItemSpec {
  return { write: { to, text, ...options } };
}

/** Something to build in a root of its own: `steps: { server: step({ ... }) }`. */
export function step(spec: Step): Step {
  return spec;
}

/** Places what a step made. */
export function output(
  step: string,
  path: string | readonly string[],
  to: AbsolutePath,
  options: Placing = {},
): AppItemSpec {
  return { output: { step, path, to, ...options } };
}

/** Makes a directory. */
export function dir(path: AbsolutePath, options: Placing = {}): AppItemSpec {
  return { dir: { path, ...options } };
}

/** Makes a symbolic link. */
export function link(path: AbsolutePath, target: string): AppItemSpec {
  return { link: { path, target } };
}

export interface InputOptions<Choice extends string> {
  readonly default?: NoInfer<Choice>;
  readonly choices?: readonly Choice[];
}

interface Exchange {
  readonly given: Readonly<Record<string, string>>;
  readonly asked: { name: string; value?: string }[];
}

/** The evaluator leaves the values of `--set` here before this module runs; taken away so that nobody else sees it. */
const exchange = takeExchange();

function takeExchange(): Exchange {
  const place = globalThis as { ashlarInputs?: Exchange };
  const found = place.ashlarInputs;
  delete place.ashlarInputs;
  return found ?? { given: {}, asked: [] };
}

/** The value of `--set name=value`, else the default; with neither the spec is refused. */
export function input<const Choice extends string = string>(name: string, options: InputOptions<Choice> = {}): Choice {
  const given = Object.hasOwn(exchange.given, name) ? exchange.given[name] : undefined;
  const value = given ?? options.default;
  exchange.asked.push(value === undefined ? { name } : { name, value });
  const choices = options.choices;
  if (value === undefined) return choices?.[0] ?? ("0" as Choice);
  if (choices !== undefined && !choices.includes(value as Choice)) {
    const wanted = choices.map((choice) => JSON.stringify(choice)).join(", ");
    throw new RangeError(`input ${JSON.stringify(name)} is ${JSON.stringify(value)}, want one of ${wanted}`);
  }
  return value as Choice;
}
