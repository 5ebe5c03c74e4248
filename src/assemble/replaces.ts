// SPDX-License-Identifier: Apache-2.0
import { field, parseControl, parseRelations, type Relation, versionFits } from "../debian/index.ts";
import type { ContentReader, UnpackedPackage } from "./content.ts";

/**
 * Tells whether `winner` says in Replaces that its files may stand in for those of `loser`, by its real name
 * and version (deb-control(5); a virtual name does not count when files are overwritten).
 */
export function replaces(winner: UnpackedPackage, loser: UnpackedPackage, contents: ContentReader): boolean {
  const digest = winner.control.get("control");
  const stanza = digest === undefined ? undefined : parseControl(contents.read(digest))[0];
  const text = stanza === undefined ? undefined : field(stanza, "Replaces");
  if (text === undefined) return false;
  return parseRelations(text).some((group) => group.some((relation) => names(relation, loser)));
}

function names(relation: Relation, { locked }: UnpackedPackage): boolean {
  return relation.name === locked.name && versionFits(relation, locked.version);
}

/** Tells whether a package is marked `Multi-Arch: same`. */
export function isMultiArchSame(unpacked: UnpackedPackage, contents: ContentReader): boolean {
  const digest = unpacked.control.get("control");
  const stanza = digest === undefined ? undefined : parseControl(contents.read(digest))[0];
  return stanza !== undefined && field(stanza, "Multi-Arch") === "same";
}

/** Tells whether a package's preinst diverts a path; judged by the text, as scripts do not run. */
export function diverts(unpacked: UnpackedPackage, path: string, contents: ContentReader): boolean {
  const digest = unpacked.control.get("preinst");
  if (digest === undefined) return false;
  const script = Buffer.from(contents.read(digest)).toString("utf8");
  if (!script.includes("dpkg-divert")) return false;
  return script.includes(`/${path}`) || script.includes(`/${path.replace(/^usr\//, "")}`);
}
