// SPDX-License-Identifier: Apache-2.0
import { AshlarError } from "../base/index.ts";
import { formatPlatform, parsePlatform } from "../oci/platforms/index.ts";
import type { NamedRecord } from "./named-record.ts";

/** Which platform of several to look at. */
export interface PlatformChoice {
  /** The user's word. */
  readonly asked: string | undefined;
  /** The host's, which serves where nothing was asked. */
  readonly host: string;
}

/** Chooses what was asked for, else the host's, else the only one there is. Throws `IMAGE_PLATFORM`. */
export function choosePlatform(named: NamedRecord, { asked, host }: PlatformChoice): NamedRecord["images"][number] {
  const wanted = asked === undefined ? host : formatPlatform(parsePlatform(asked));
  const found = named.images.find((image) => image.platform === wanted);
  const [only, ...others] = named.images;
  if (found !== undefined) return found;
  if (asked === undefined && only !== undefined && others.length === 0) return only;
  throw new AshlarError(
    "IMAGE_PLATFORM",
    `Cannot look at "${named.name}" for ${wanted}: it has no such image`,
    {
      hint: `choose with --platform: ${named.images.map((image) => image.platform).join(", ")}`,
    },
  );
}
