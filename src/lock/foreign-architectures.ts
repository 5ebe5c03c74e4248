// SPDX-License-Identifier: Apache-2.0
import { parseRelations } from "../debian/index.ts";

/** Further architectures that the packages of a spec name, as in `libc6:i386`; sorted. */
export function foreignArchitectures(packages: readonly string[], native: string): readonly string[] {
  const named = packages.flatMap((text) => parseRelations(text).flat()).map(({ archQualifier }) => archQualifier);
  const foreign = named.filter((item) => item !== undefined && !["any", "native", "all", native].includes(item));
  return [...new Set(foreign as string[])].sort();
}
