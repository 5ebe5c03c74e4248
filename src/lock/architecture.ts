// SPDX-License-Identifier: Apache-2.0
import { AshlarError } from "../base/index.ts";
import { parseRelations } from "../debian/index.ts";

/** Platforms of OCI (Go's names) and the Debian architectures that run on them. */
const architectures: Readonly<Record<string, string>> = {
  "linux/386": "i386",
  "linux/amd64": "amd64",
  "linux/arm/v5": "armel",
  "linux/arm/v6": "armel",
  "linux/arm/v7": "armhf",
  "linux/arm": "armhf",
  "linux/arm64": "arm64",
  "linux/arm64/v8": "arm64",
  "linux/loong64": "loong64",
  "linux/mips64le": "mips64el",
  "linux/ppc64le": "ppc64el",
  "linux/riscv64": "riscv64",
  "linux/s390x": "s390x",
};

/** The Debian architecture of a platform. Throws `LOCK_PLATFORM_UNKNOWN`. */
export function debianArchitecture(platform: string): string {
  const architecture = Object.hasOwn(architectures, platform) ? architectures[platform] : undefined;
  if (architecture !== undefined) return architecture;
  const message = `Cannot lock platform "${platform}": Debian has no architecture for it, want one that it has`;
  throw new AshlarError("LOCK_PLATFORM_UNKNOWN", message, { because: [`known: ${Object.keys(architectures).join(" ")}`] });
}

/** Further architectures that the packages of a spec name, as in `libc6:i386`; sorted. */
export function foreignArchitectures(packages: readonly string[], native: string): readonly string[] {
  const named = packages.flatMap((text) => parseRelations(text).flat()).map(({ archQualifier }) => archQualifier);
  const foreign = named.filter((item) => item !== undefined && !["any", "native", "all", native].includes(item));
  return [...new Set(foreign as string[])].sort();
}
