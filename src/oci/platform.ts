// SPDX-License-Identifier: Apache-2.0
import { AshlarError, compareOrdinal } from "../base/index.ts";

/** What a machine must be to run an image: values of GOOS and GOARCH (OCI image-spec v1.1, config.md). */
export interface Platform {
  readonly os: string;
  readonly architecture: string;
  /** Of the processor, e.g. "v7". */
  readonly variant?: string | undefined;
  readonly osVersion?: string | undefined;
}

const architectures: Readonly<Record<string, string>> = {
  x86_64: "amd64",
  "x86-64": "amd64",
  aarch64: "arm64",
  i386: "386",
};

/** Parses `linux/arm/v7`, also in spellings of uname such as `linux/aarch64`. Throws `OCI_PLATFORM`. */
export function parsePlatform(text: string): Platform {
  const [os, architecture, variant, ...rest] = text.toLowerCase().split("/");
  const parts = variant === undefined ? [os, architecture] : [os, architecture, variant];
  const valid = parts.every((part) => part !== undefined && /^[a-z0-9][a-z0-9_.-]{0,63}$/.test(part));
  if (!valid || rest.length > 0) {
    const shown = JSON.stringify(text.slice(0, 100));
    throw new AshlarError("OCI_PLATFORM", `Cannot read platform ${shown}: want os/architecture[/variant]`, {
      hint: "for example linux/amd64, linux/arm64 or linux/arm/v7",
    });
  }
  return normalizePlatform({ os: os as string, architecture: architecture as string, variant });
}

/**
 * Brings a platform to the one spelling of several that mean the same: `arm64` is `arm64/v8`, `arm` is
 * `arm/v7`, `amd64` is `amd64/v1` (as containerd's platforms package has it).
 */
export function normalizePlatform(platform: Platform): Platform {
  const { os, osVersion } = platform;
  const given = platform.architecture;
  const architecture = given === "armhf" || given === "armel" ? "arm" : (architectures[given] ?? given);
  let variant = platform.variant === "" ? undefined : platform.variant;
  if (architecture === "arm") variant = given === "armel" ? "v6" : (variant ?? "v7");
  if (architecture === "arm64" && variant === "v8") variant = undefined;
  if (architecture === "amd64" && variant === "v1") variant = undefined;
  return {
    os,
    architecture,
    ...(variant === undefined ? {} : { variant }),
    ...(osVersion === undefined ? {} : { osVersion }),
  };
}

/** `linux/amd64`, `linux/arm/v7`. */
export function formatPlatform(platform: Platform): string {
  const { os, architecture, variant } = platform;
  return variant === undefined ? `${os}/${architecture}` : `${os}/${architecture}/${variant}`;
}

/** Orders platforms by their normalised text. 0: an image for the one runs on the other. */
export function comparePlatforms(a: Platform, b: Platform): number {
  return compareOrdinal(formatPlatform(normalizePlatform(a)), formatPlatform(normalizePlatform(b)));
}
