// SPDX-License-Identifier: Apache-2.0
import { basename } from "node:path";

import { AshlarError } from "../../base/index.ts";
import { openSource, type PlaceKind, placeKinds } from "../../registry/index.ts";
import { bring, type BringOptions } from "../bring.ts";
import type { Origin } from "../origin.ts";
import { parsePlace, type Place } from "../place.ts";
import { remoteReference } from "../remote-place.ts";
import type { Outcome, Shell } from "../shell.ts";

interface ImportOptions extends BringOptions {
  readonly name?: string;
  readonly dropBlobs?: boolean;
}

/** `ashlar import PLACE`, as `pull` but keeping the blobs of others: the last line is the image's name and digest. */
export async function importImage(shell: Shell, text: string, options: ImportOptions): Promise<Outcome> {
  const place = parsePlace(text, shell);
  if (place === undefined && remoteReference(text) !== undefined) {
    return (await import("./pull.ts")).pull(shell, text, { ...options, keepBlobs: options.dropBlobs !== true });
  }
  if (place === undefined) {
    throw new AshlarError("USAGE_IMPORT", `Cannot import "${text}": want KIND:PATH[:TAG] or HOST/NAME[:TAG]`, {
      hint: `KIND is one of ${placeKinds.join(", ")}; an image of a registry is HOST/NAME[:TAG]`,
    });
  }
  const source = openSource(place.kind, place.path);
  const name = options.name ?? nameOf(place);
  const keepBlobs = options.dropBlobs !== true;
  const again = (): Origin => ["import", wholePlace(text, place), ...(keepBlobs ? [] : ["--drop-blobs"])];
  return bring(shell, { source, tag: place.tag, name, keepBlobs, again }, options);
}

/** The place from whatever directory; an engine's storage is found without one. */
function wholePlace(text: string, { kind, path, tag }: Place<PlaceKind>): string {
  if (kind === "containers-storage") return text;
  return tag === undefined ? `${kind}:${path}` : `${kind}:${path}:${tag}`;
}

/** A tag of a docker-archive or an engine's storage is a name; elsewhere the place's own name has to serve. */
function nameOf({ kind, path, tag }: Place<PlaceKind>): string {
  if (tag !== undefined && (kind === "containers-storage" || /[/:]/.test(tag))) return tag.replace(/:latest$/, "");
  const own = basename(path).replace(/\.(tar|oci|oci-archive|docker)$/g, "");
  return tag === undefined || tag === "latest" ? own : `${own}:${tag}`;
}
