// SPDX-License-Identifier: Apache-2.0
import { AshlarError } from "../base/index.ts";

interface Architecture {
  readonly name: string;
  /** Directory of its libraries below /usr/lib, e.g. "x86_64-linux-gnu". */
  readonly multiarchTuple: string;
}

/** OCI platforms (Go's words) and what Debian calls them (dpkg-architecture(1), Multiarch/Tuples). */
const byPlatform: Readonly<Record<string, Architecture>> = {
  "linux/386": { name: "i386", multiarchTuple: "i386-linux-gnu" },
  "linux/amd64": { name: "amd64", multiarchTuple: "x86_64-linux-gnu" },
  "linux/arm/v5": { name: "armel", multiarchTuple: "arm-linux-gnueabi" },
  // armhf needs v7: on v6 only the older port runs.
  "linux/arm/v6": { name: "armel", multiarchTuple: "arm-linux-gnueabi" },
  "linux/arm/v7": { name: "armhf", multiarchTuple: "arm-linux-gnueabihf" },
  "linux/arm64": { name: "arm64", multiarchTuple: "aarch64-linux-gnu" },
  "linux/arm64/v8": { name: "arm64", multiarchTuple: "aarch64-linux-gnu" },
  "linux/loong64": { name: "loong64", multiarchTuple: "loongarch64-linux-gnu" },
  "linux/mips64le": { name: "mips64el", multiarchTuple: "mips64el-linux-gnuabi64" },
  "linux/ppc64le": { name: "ppc64el", multiarchTuple: "powerpc64le-linux-gnu" },
  "linux/riscv64": { name: "riscv64", multiarchTuple: "riscv64-linux-gnu" },
  "linux/s390x": { name: "s390x", multiarchTuple: "s390x-linux-gnu" },
};

/** The Debian architecture of an OCI platform such as "linux/arm/v7". Throws `DEBIAN_PLATFORM_UNKNOWN`. */
export function debianArchitecture(platform: string): string {
  return architectureOf(platform).name;
}

/** The multiarch tuple of an OCI platform: where its libraries lie. Throws `DEBIAN_PLATFORM_UNKNOWN`. */
export function multiarchTuple(platform: string): string {
  return architectureOf(platform).multiarchTuple;
}

function architectureOf(platform: string): Architecture {
  const found = Object.hasOwn(byPlatform, platform) ? byPlatform[platform] : undefined;
  if (found !== undefined) return found;
  const known = Object.keys(byPlatform).join(", ");
  const message = `Cannot use platform "${platform}": Debian has no architecture for it, want one of ${known}`;
  throw new AshlarError("DEBIAN_PLATFORM_UNKNOWN", message);
}
