// SPDX-License-Identifier: Apache-2.0
import type { Digest } from "../base/index.ts";

/** An archive as it was when the lock was made. */
export interface LockedSource {
  readonly name: string;
  readonly suite: string;
  readonly codename: string;
  /** Digest of the verified InRelease (or Release) file. */
  readonly release: Digest;
  /** The Release file's Date, seconds since 1970. */
  readonly dateSeconds: number;
  /** Fingerprints (primary keys) of the good signatures, sorted. */
  readonly signedBy: readonly string[];
  /** Digest of Release.gpg where the Release file is not clearsigned. */
  readonly signature?: Digest;
  /** Rules that had to be set aside to accept it: "changed", "expired", "older"; sorted; absent: none. */
  readonly overrides?: readonly string[];
}

/** What a package file unpacks to, as somebody says who unpacked it. */
export interface Unpacked {
  /** Of the operation that unpacks: another one may make another record of the same file. */
  readonly version: number;
  /** Digest of the record that it made. */
  readonly record: Digest;
}

/** One package file of one image. */
export interface LockedPackage {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
  /** Of the .deb. */
  readonly digest: Digest;
  readonly sizeBytes: number;
  /** Path below the archive's base address. */
  readonly filename: string;
  readonly sourceName: string;
  readonly sourceVersion: string;
  /** Name of the `LockedSource`. */
  readonly from: string;
  /** Absent: nobody said it; written by `ashlar mirror`. */
  readonly unpacked?: Unpacked;
  readonly phase: "base" | "packages";
  /**
   * "data": not installed, only read (base-passwd's accounts in a distroless image). "tools": there while
   * maintainer scripts run, and not in the image (the essential set for `base: none` with `install: full`).
   */
  readonly use: "install" | "data" | "tools";
  /** Who pulled it in: package names, or "spec" or "base"; sorted. */
  readonly by: readonly string[];
}

/** What one image is for one platform. */
export interface LockedImage {
  readonly image: string;
  readonly platform: string;
  /** The manifest of the foreign image that it stands on; absent where it stands on none. */
  readonly manifest?: Digest;
  /** Sorted by name, then architecture. An image based on another one lists only what it adds. */
  readonly packages: readonly LockedPackage[];
}

/** The root in which one step of an image runs on one platform. */
export interface LockedStep {
  readonly image: string;
  readonly step: string;
  readonly platform: string;
  /** The essential set and the step's tools, whole; sorted by name, then architecture; all are of use "tools". */
  readonly packages: readonly LockedPackage[];
}

/** What the document asked of the archives for one image; tells what changed when a lock is stale. */
export interface AskedImage {
  readonly image: string;
  /** "scratch", "debian:SUITE", "image:KEY", or "oci:NAME@DIGEST" (" debian:SUITE" after it where it adds packages). */
  readonly from: string;
  /** Names of the sources with the beginning of their description's digest, `NAME@12345678`, in order. */
  readonly sources: readonly string[];
  readonly base: "none" | "essential" | "minbase";
  readonly install: "unpack" | "full";
  /** Relations as the document gives them, in order. */
  readonly packages: readonly string[];
  /** By step, the relations of its tools in order, with those that unpacking and patching its sources takes. */
  readonly steps: Readonly<Record<string, readonly string[]>>;
  /** Sorted. */
  readonly platforms: readonly string[];
}

export interface Lock {
  /** Digest of the canonical document that it was made for. */
  readonly document: Digest;
  /** Identity of the compressor whose bytes the layers hold. */
  readonly compressor: string;
  /** Sorted by image. */
  readonly asked: readonly AskedImage[];
  /** Sorted by name. */
  readonly sources: readonly LockedSource[];
  /** Sorted by image, then platform. */
  readonly images: readonly LockedImage[];
  /** Sorted by image, then step, then platform. */
  readonly steps: readonly LockedStep[];
}
