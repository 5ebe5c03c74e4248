// SPDX-License-Identifier: Apache-2.0
import type { Digest } from "../base/index.ts";

/**
 * The canonical document: what a spec means once its sugar is gone and its defaults are filled in. YAML and
 * TypeScript specs both end here, and only this is hashed, locked and signed.
 */

/** `linux/amd64`, `linux/arm64`, `linux/arm/v7`, ... */
export type Platform = string;

/** One archive: a suite of components, from where, signed by whom. */
export interface SourceDocument {
  /** The name the lock uses: the suite for Debian's own, else given or made from host and suite. */
  readonly name: string;
  readonly suite: string;
  readonly components: readonly string[];
  /** Base address; absent for Debian's own archives, whose mirrors are configuration and not part of the image. */
  readonly uri?: string;
  /** "main" or "security": which of Debian's own archives; absent for third parties. */
  readonly archive?: "main" | "security";
  /** An armoured key block, a path of a key file in the project, or fingerprints; absent: Debian's archive keys. */
  readonly signedBy?: string;
}

export type FromDocument =
  | { readonly kind: "debian"; readonly suite: string; readonly sources: readonly SourceDocument[] }
  | { readonly kind: "scratch" }
  /** Another image of the same fleet, whose layers lie below ours. */
  | { readonly kind: "image"; readonly image: string }
  | OciFromDocument;

/** An image made elsewhere, whose layers lie below ours byte for byte. */
export interface OciFromDocument {
  readonly kind: "oci";
  /** Without tag and digest. */
  readonly name: string;
  /** Of its manifest or its index. */
  readonly digest: Digest;
  /** `oci:DIR[:TAG]`, `oci-archive:FILE[:TAG]` or `docker-archive:FILE[:TAG]` in the project; absent: the store. */
  readonly at?: string;
  /** The suite whose packages go on top; absent: no packages are added. */
  readonly suite?: string;
  /** Empty without a suite. */
  readonly sources: readonly SourceDocument[];
}

export interface SystemDocument {
  /** What is there before the named packages: nothing, the Essential set, or that with Priority required and apt. */
  readonly base: "none" | "essential" | "minbase";
  /** Relations as in Depends: `nginx`, `nginx (>= 1.22)`, `a | b`, `name:arch`. In the order given. */
  readonly packages: readonly string[];
  readonly install: "unpack" | "full";
  /** Groups of files to leave out, sorted: docs, man, info, locales, lintian, bugs, scripts. */
  readonly strip: readonly string[];
  /** Package name to globs: of this package only these files. */
  readonly only: Readonly<Record<string, readonly string[]>>;
  /** Answers to the questions of maintainer scripts: `package/question` to its value. */
  readonly debconf: Readonly<Record<string, string>>;
  /** Commands that change the root in the system phase, in order. */
  readonly run: readonly RunDocument[];
}

/** One command on the system; a text or a script became `["/bin/sh", "-eu", "-c", TEXT]`. */
export interface RunDocument {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Globs of files of the project, at $INPUTS inside. */
  readonly inputs: readonly string[];
}

/** Something built in a root of its own; only its outputs leave it. */
export interface StepDocument {
  /** Relations as in `SystemDocument.packages`, which are there on top of the essential set, in the order given. */
  readonly tools: readonly string[];
  /** Globs of files of the project, below $SRC inside; sorted. */
  readonly inputs: readonly string[];
  /** Globs of files left out of the inputs; sorted. */
  readonly exclude: readonly string[];
  readonly sources: readonly SourceFileDocument[];
  /** Its texts may hold $SRC, $OUT and $JOBS. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Paths or globs below $OUT, sorted; each must be there. */
  readonly outputs: readonly string[];
  /** Names of secrets, sorted. */
  readonly secrets: readonly string[];
  readonly timeoutSeconds?: number;
  readonly memoryBytes?: number;
}

/** A file from elsewhere, by digest. */
export interface SourceFileDocument {
  readonly url: string;
  readonly sha256: Digest;
  /** Whether it is an archive whose files, without their one directory above all, go to `to`. */
  readonly unpack: boolean;
  /** Path below $SRC: of the directory where it is unpacked ("." is $SRC itself), else of the file. */
  readonly to: string;
  /** Files of the project, applied with `patch -p1` in this order. */
  readonly patches: readonly string[];
}

export interface UserDocument {
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
  readonly shell: string;
  readonly gecos: string;
  /** Names of further groups, sorted. */
  readonly groups: readonly string[];
}

/** Owner, group and mode are absent where the default holds (root, root, by kind). */
interface Placed {
  /** A user name of `users` or /etc/passwd, or a number as text. */
  readonly owner?: string;
  readonly group?: string;
  /** Octal text such as "0644", or symbolic such as "a=rX". */
  readonly mode?: string;
}

export type AppItem =
  /** Files of the project by globs; those matching nothing are an error. `to` ends in "/" for a directory. */
  | (Placed & {
      readonly kind: "copy";
      readonly from: readonly string[];
      readonly exclude: readonly string[];
      readonly to: string;
    })
  | (Placed & { readonly kind: "write"; readonly to: string; readonly text: string })
  | (Placed & { readonly kind: "dir"; readonly path: string })
  | { readonly kind: "link"; readonly path: string; readonly target: string }
  /** Outputs of a step by paths or globs below its $OUT, sorted; placed as the files of `copy` are. */
  | (Placed & {
      readonly kind: "output";
      readonly step: string;
      readonly from: readonly string[];
      readonly to: string;
    });

/** OCI image config, image-spec v1.1 config.md; absent where not set. */
export interface ConfigDocument {
  readonly entrypoint?: readonly string[];
  readonly cmd?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly user?: string;
  readonly workdir?: string;
  /** "8080/tcp", sorted. */
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly labels?: Readonly<Record<string, string>>;
  readonly stopSignal?: string;
  readonly author?: string;
  readonly healthcheck?: {
    readonly test: readonly string[];
    readonly intervalMs?: number;
    readonly timeoutMs?: number;
    readonly startPeriodMs?: number;
    readonly retries?: number;
  };
}

export interface ExpectDocument {
  /** Upper bound of the sum of all file sizes. */
  readonly maxSizeBytes?: number;
  readonly shell?: boolean;
  readonly setuid?: boolean;
  /** Package names that must not be in the image. */
  readonly deny: readonly string[];
  readonly closure: "strict" | "warn";
  /** Globs of paths whose missing libraries and interpreters are accepted. */
  readonly closureAllow: readonly string[];
}

export interface LifecycleDocument {
  /** YYYY-MM-DD */
  readonly eol?: string;
  readonly successor?: string;
}

export interface ImageDocument {
  readonly ashlar: "image/v1";
  readonly name: string;
  readonly from: FromDocument;
  /** Sorted, at least one. */
  readonly platforms: readonly Platform[];
  readonly system: SystemDocument;
  readonly users: Readonly<Record<string, UserDocument>>;
  /** By name. */
  readonly steps: Readonly<Record<string, StepDocument>>;
  readonly app: readonly AppItem[];
  readonly config: ConfigDocument;
  readonly expect: ExpectDocument;
  readonly lifecycle: LifecycleDocument;
  /** Into how many groups at most the packages phase is split. */
  readonly layers: { readonly packages: number };
}

export interface FleetDocument {
  readonly ashlar: "fleet/v1";
  /** Put before image names that hold no slash. */
  readonly registry?: string;
  /** By key; the key is the image's name unless it names itself. */
  readonly images: Readonly<Record<string, ImageDocument>>;
}

export type Document = ImageDocument | FleetDocument;

/** The images of a document by key; a single image goes by its name. */
export function imagesOf(document: Document): Readonly<Record<string, ImageDocument>> {
  return document.ashlar === "fleet/v1" ? document.images : { [document.name]: document };
}
