// SPDX-License-Identifier: Apache-2.0
import { AshlarError } from "../base/index.ts";
import type { Descriptor } from "./descriptor.ts";
import type { Index } from "./manifest.ts";
import { comparePlatforms, formatPlatform, normalizePlatform, type Platform } from "./platform.ts";

/**
 * Chooses the manifest of an index for a platform: an equal one, else for `arm` the highest lower variant,
 * which such a processor runs too. Throws `OCI_PLATFORM_MISSING`, naming what there is.
 */
export function selectPlatform(index: Index, platform: Platform): Descriptor {
  const found = candidates(platform).flatMap((wanted) => index.manifests.filter((item) => matches(item, wanted)))[0];
  if (found !== undefined) return found;
  const present = index.manifests.flatMap(
    (item) => (item.platform === undefined ? [] : [formatPlatform(item.platform)]),
  );
  const wanted = formatPlatform(platform);
  const text = `Cannot choose from index: it has no image for "${wanted}", want one of ${present.join(", ")}`;
  throw new AshlarError("OCI_PLATFORM_MISSING", text, { details: { present } });
}

function matches(descriptor: Descriptor, wanted: Platform): boolean {
  return descriptor.platform !== undefined && comparePlatforms(descriptor.platform, wanted) === 0;
}

function candidates(platform: Platform): Platform[] {
  const wanted = normalizePlatform(platform);
  const variants = ["v8", "v7", "v6", "v5"];
  const first = wanted.architecture === "arm" ? variants.indexOf(wanted.variant ?? "v7") : -1;
  if (first < 0) return [wanted];
  return variants.slice(first).map((variant) => ({ ...wanted, variant }));
}
