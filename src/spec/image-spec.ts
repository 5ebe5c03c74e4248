// SPDX-License-Identifier: Apache-2.0
/**
 * The types of what a TypeScript spec writes: the same fields a YAML spec has, with what an editor can check of
 * them. The module "ashlar" (`define.ts`) exports them all.
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

/** An image by name and digest. */
export type PinnedImage = `${string}@sha256:${string}`;

export interface OciOptions extends DebianOptions {
  /** Where it lies in the project; the local store where absent. */
  readonly at?: `${"oci" | "oci-archive" | "docker-archive"}:${string}`;
  /** The suite whose packages go on top; no packages are added where absent. */
  readonly debian?: Suite;
}

export type From =
  | "scratch"
  | `debian:${Suite}`
  | (DebianOptions & { readonly debian: Suite })
  | `oci:${PinnedImage}`
  | (OciOptions & { readonly oci: PinnedImage })
  | { readonly image: string };

/** A program with its arguments, or a text for `/bin/sh -eu`. */
export type Command = { readonly cmd: readonly string[] } | { readonly script: string };

export type Run =
  | string
  | (Command & {
      readonly env?: Readonly<Record<string, string>>;
      /** Files of the project that it can read, below `$INPUTS`. */
      readonly inputs?: string | readonly string[];
    });

export interface System {
  /** What is there before the named packages; where absent "essential" with "full" on Debian, else "none". */
  readonly base?: "none" | "essential" | "minbase";
  /** `nginx`, `nginx (>= 1.22)`, `a | b`, `name:arch`. */
  readonly packages?: readonly string[];
  /** "full" (with maintainer scripts) where absent; "unpack": files only. */
  readonly install?: "unpack" | "full";
  /** Groups of files to leave out. */
  readonly strip?: readonly Strip[];
  /** Of these packages only the files that match. */
  readonly only?: Readonly<Record<string, AbsolutePath | readonly AbsolutePath[]>>;
  /** Answers to the questions of maintainer scripts. */
  readonly debconf?: Readonly<Record<`${string}/${string}`, string>>;
  /** Commands that change the system, in order. */
  readonly run?: readonly Run[];
}

/** A file from elsewhere, by digest. */
export interface SourceFile {
  readonly url: `https://${string}` | `http://${string}`;
  /** 64 hex digits. */
  readonly sha256: string;
  /** Whether to unpack it without the directory it lies in; true where the address ends in .tar, .tar.gz, ... */
  readonly unpack?: boolean;
  /** Where to below `$SRC`: a directory, or the name of a file. */
  readonly to?: string;
  /** Files of the project for `patch -p1`, in order. */
  readonly patches?: string | readonly string[];
}

/** Something built in a root of its own; only its outputs leave it. */
export type Step = Command & {
  /** Packages that are there while it runs, on top of the essential ones. */
  readonly tools?: readonly string[];
  /** Files of the project, below `$SRC`; it sees no others. */
  readonly inputs?: string | readonly string[];
  readonly exclude?: string | readonly string[];
  /** Files from elsewhere, below `$SRC`. */
  readonly sources?: readonly SourceFile[];
  readonly env?: Readonly<Record<string, string>>;
  /** What it makes, by path or pattern below `$OUT`. */
  readonly outputs: string | readonly string[];
  /** Secrets that it reads from `/run/secrets/NAME`. */
  readonly secrets?: readonly string[];
  readonly timeout?: `${number}${"s" | "m" | "h"}`;
  readonly memory?: Size;
};

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
export interface Output extends Placing {
  readonly step: string;
  /** Outputs of the step, by path or pattern below `$OUT`. */
  readonly path: string | readonly string[];
  /** A directory, or for a single path without wildcards its new name; "/" at the end makes it a directory. */
  readonly to: AbsolutePath;
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
  | { readonly copy: Copy }
  | { readonly write: Write }
  | { readonly output: Output }
  | { readonly dir: Dir }
  | { readonly link: Link };

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
  /** What a missing library or interpreter is: an error ("strict", where files are unpacked) or a warning ("full"). */
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
  /** What is built in a root of its own, by name; `output` places what it makes. */
  readonly steps?: Readonly<Record<string, Step>>;
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
