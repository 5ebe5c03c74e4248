// SPDX-License-Identifier: Apache-2.0
import { field, parseControl, parseRelations } from "../debian/index.ts";
import { type ContentReader, packageId, type UnpackedPackage } from "./content.ts";

/** Gives the packages that an owner (`iproute2:amd64`) recommends or suggests. */
export type OptionalOf = (owner: string) => ReadonlySet<string>;

/** Of a package its name and control files. */
type Controlled = Pick<UnpackedPackage, "locked" | "control">;

/** Reads Recommends and Suggests of packages, each when first asked for. */
export function optionalPackages(packages: readonly Controlled[], contents: ContentReader): OptionalOf {
  const byId = new Map(packages.map((item) => [packageId(item.locked), item]));
  const known = new Map<string, ReadonlySet<string>>();
  return (owner) => {
    const before = known.get(owner);
    if (before !== undefined) return before;
    const item = byId.get(owner);
    const names = item === undefined ? new Set<string>() : namesOf(item, contents);
    known.set(owner, names);
    return names;
  };
}

function namesOf(item: Controlled, contents: ContentReader): ReadonlySet<string> {
  const digest = item.control.get("control");
  const stanza = digest === undefined ? undefined : parseControl(contents.read(digest))[0];
  if (stanza === undefined) return new Set();
  const groups = ["Recommends", "Suggests"].flatMap((name) => parseRelations(field(stanza, name) ?? ""));
  return new Set(groups.flatMap((group) => group.map((relation) => relation.name)));
}

/**
 * The names that a library's package has by Debian's rule (policy 8.1): `libz.so.1` is in libz1 or libz-1,
 * `libpcre2-8.so.0` in libpcre2-8-0; since 2024 also with the suffix t64. The likeliest first.
 */
export function packageNamesOf(library: string): readonly string[] {
  const match = /^(.+?)(?:-([\d.]+))?\.so(?:\.([\w.]+))?$/.exec(library.toLowerCase().replaceAll("_", "-"));
  if (match === null) return [];
  const [, name, inner, version] = match as unknown as [string, string, string | undefined, string | undefined];
  const full = inner === undefined ? name : `${name}-${inner}`;
  const suffix = version ?? "";
  const plain = suffix === "" ? full : /\d$/.test(full) ? `${full}-${suffix}` : `${full}${suffix}`;
  return [...new Set([plain, `${full}${suffix}`, `${full}-${suffix}`, `${plain}t64`])].filter(
    (text) => !text.endsWith("-"),
  );
}
