// SPDX-License-Identifier: Apache-2.0
/**
 * The module "ashlar" of TypeScript specs: plain functions that write the same data a YAML spec holds. This file
 * runs as it stands inside the evaluator and gives editors their types, so it imports nothing.
 */

/** Platforms that Debian has an architecture for. */
export type Platform =
  | "linux/386"
  | "linux/amd64"
  | "linux/arm/v5"
  | "linux/arm/v7"
  | "linux/arm64"
  | "linux/mips64le"
  | "linux/ppc64le"
  | "linux/riscv64"
  | "linux/s390x";

/** Suites of Debian by code name. */
export type Suite = "bullseye" | "bookworm" | "trixie" | "forky" | "sid";
export type Component = "contrib" | "main" | "non-free" | "non-free-firmware";
export type Strip = "bugs" | "docs" | "info" | "lintian" | "locales" | "man" | "scripts";
export type AbsolutePath = `/${string}`;
export type Size = `${number}${"B" | "kB" | "KB" | "MB" | "GB" | "KiB" | "MiB" | "GiB"}`;
export type Duration = `${number}${"ms" | "s" | "m" | "h"}`;
export type Port = number | `${number}` | `${number}/${"tcp" | "udp" | "sctp"}`;

/** An archive that is not Debian's own. */
export interface ThirdParty {
  /** Base address, `https://...`. */
  readonly deb: `https://${string}` | `http://${string}`;
  readonly suite: string;
  readonly components: readonly string[];
  /** Fingerprint, path of a key file in the project, or an armoured key block. */
  readonly signedBy: string;
  /** The name the lock uses; made from address and suite where absent. */
  readonly name?: string;
}

export interface DebianOptions {
  /** Further archives: Debian's own by word, others by address. */
  readonly sources?: readonly ("updates" | "security" | "backports" | ThirdParty)[];
  /** Of Debian's own archives; `["main"]` where absent. */
  readonly components?: readonly Component[];
}

export type From =
  "scratch" | `debian:${Suite}` | (DebianOptions & { readonly debian: Suite }) | { readonly image: string };

export interface System {
  /** What is there before the named packages; "none" where absent. */
  readonly base?: "none" | "essential" | "minbase";
  /** `nginx`, `nginx (>= 1.22)`, `a | b`, `name:arch`. */
  readonly packages?: readonly string[];
  /** "unpack" (files only) where absent. */
  readonly install?: "unpack" | "full";
  /** Groups of files to leave out. */
  readonly strip?: readonly Strip[];
  /** Of these packages only the files that match. */
  readonly only?: Readonly<Record<string, AbsolutePath | readonly AbsolutePath[]>>;
}

export interface User {
  readonly uid: number;
  /** The uid where absent. */
  readonly gid?: number;
  /** "/nonexistent" where absent. */
  readonly home?: AbsolutePath;
  /** "/usr/sbin/nologin" where absent. */
  readonly shell?: AbsolutePath;
  readonly gecos?: string;
  readonly groups?: readonly string[];
}

/** Owner and mode of placed files; root, the owner's group and a mode by kind where absent. */
export interface Placing {
  /** A name, or a number. */
  readonly owner?: string | number;
  readonly group?: string | number;
  /** Octal text such as "0644", or symbolic such as "a=rX". */
  readonly mode?: string;
}

export interface Copy extends Placing {
  /** Globs of files of the project; a path below the directories that all of them begin with is kept. */
  readonly from: string | readonly string[];
  /** A directory, or for a single file without wildcards its new name; "/" at the end makes it a directory. */
  readonly to: AbsolutePath;
  readonly exclude?: string | readonly string[];
}
export interface Write extends Placing {
  readonly to: AbsolutePath;
  readonly text: string;
}
export interface Dir extends Placing {
  readonly path: AbsolutePath;
}
export interface Link {
  readonly path: AbsolutePath;
  /** What the symbolic link says; never followed while building. */
  readonly target: string;
}

export type AppItemSpec =
  { readonly copy: Copy } | { readonly write: Write } | { readonly dir: Dir } | { readonly link: Link };

/** How the image runs (OCI image config). */
export interface Config {
  readonly entrypoint?: readonly string[];
  readonly cmd?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly user?: string | number;
  readonly workdir?: AbsolutePath;
  /** `8080` means "8080/tcp". */
  readonly ports?: readonly Port[];
  readonly volumes?: readonly AbsolutePath[];
  readonly labels?: Readonly<Record<string, string>>;
  readonly stopSignal?: string;
  readonly author?: string;
  readonly healthcheck?: Healthcheck;
}

export interface Healthcheck {
  /** `["CMD", program, ...]`, `["CMD-SHELL", text]` or `["NONE"]`. */
  readonly test: readonly ["CMD" | "CMD-SHELL" | "NONE", ...string[]];
  readonly interval?: Duration;
  readonly timeout?: Duration;
  readonly startPeriod?: Duration;
  readonly retries?: number;
}

/** Promises that the build keeps or fails. */
export interface Expect {
  /** Sum of all file sizes at most, such as "40MB". */
  readonly maxSize?: Size;
  /** Whether a shell may be in the image. */
  readonly shell?: boolean;
  /** Whether setuid and setgid programs may be in the image. */
  readonly setuid?: boolean;
  /** Packages that must not be in the image. */
  readonly deny?: readonly string[];
  /** What a missing library or interpreter is: an error ("strict", where absent) or a warning. */
  readonly closure?: "strict" | "warn";
  /** Paths whose missing libraries are accepted. */
  readonly closureAllow?: readonly AbsolutePath[];
}

export interface Lifecycle {
  /** The end of life, `YYYY-MM-DD`. */
  readonly eol?: `${number}-${number}-${number}`;
  /** The image to use then. */
  readonly successor?: string;
}

/** What an image is, as written; `image()` and the images of `fleet()` take it. */
export interface ImageSpec {
  readonly name?: string;
  readonly from: From;
  /** `["linux/amd64"]`, or those of the image below, where absent. */
  readonly platforms?: readonly Platform[];
  readonly system?: System;
  readonly users?: Readonly<Record<string, User>>;
  /** In order; a later item replaces what an earlier one placed. */
  readonly app?: readonly AppItemSpec[];
  readonly config?: Config;
  readonly expect?: Expect;
  readonly lifecycle?: Lifecycle;
  readonly layers?: { readonly packages?: number };
}

export interface FleetSpec {
  /** Put before image names that hold no slash. */
  readonly registry?: string;
  readonly images: Readonly<Record<string, ImageSpec>>;
}

export type ImageSource = ImageSpec & { readonly ashlar: "image/v1" };
export type FleetSource = FleetSpec & { readonly ashlar: "fleet/v1" };

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
