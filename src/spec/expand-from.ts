// SPDX-License-Identifier: Apache-2.0
import { compareOrdinal, type Digest } from "../base/index.ts";
import type { FromDocument, OciFromDocument, SourceDocument } from "./document.ts";
import { present } from "./expand-parts.ts";
import type { DebianInput, ImageInput, OciInput } from "./shape.ts";

type SourceInput = NonNullable<DebianInput["sources"]>[number];

/** Opens the short forms of `from`. */
export function expandFrom(input: ImageInput["from"]): FromDocument {
  if (input === "scratch") return { kind: "scratch" };
  if (typeof input === "string") {
    const name = input.slice(input.indexOf(":") + 1);
    return input.startsWith("oci:") ? expandOci({ oci: name }) : expandDebian({ debian: name });
  }
  if ("image" in input) return { kind: "image", image: input.image };
  return "oci" in input ? expandOci(input) : expandDebian(input);
}

function expandOci(input: OciInput): OciFromDocument {
  const [name = "", digest = ""] = input.oci.split("@");
  const place = present({ at: input.at });
  const named = { kind: "oci", name, digest: digest as Digest, ...place } as const;
  return "debian" in input
    ? { ...named, suite: input.debian, sources: expandDebian(input).sources }
    : { ...named, sources: [] };
}

/** Debian's own archives in a fixed order, since the words have none; others follow as written. */
const ownWords = ["updates", "security", "backports"] as const;

function expandDebian(input: DebianInput): Extract<FromDocument, { kind: "debian" }> {
  const { debian: suite, sources = [], components = ["main"] } = input;
  const own = (archive: "main" | "security", name: string): SourceDocument => ({
    name,
    suite: name,
    components: [...new Set(components)].sort(compareOrdinal),
    archive,
  });
  const words = ownWords.filter((word) => sources.includes(word));
  const ours = words.map((word) => own(word === "security" ? "security" : "main", `${suite}-${word}`));
  const others = sources.filter((source) => typeof source !== "string").map(expandThirdParty);
  return { kind: "debian", suite, sources: [own("main", suite), ...ours, ...others] };
}

function expandThirdParty(input: Exclude<SourceInput, string>): SourceDocument {
  const uri = input.deb.replace(/\/+$/, "");
  const name = input.name ?? sourceNameOf(uri, input.suite);
  const components = [...new Set(input.components)].sort(compareOrdinal);
  return { name, suite: input.suite, components, uri, signedBy: canonicalSignedBy(input.signedBy) };
}

/** The name of a source that has none: host and suite. */
export function sourceNameOf(uri: string, suite: string): string {
  const host = uri.replace(/^https?:\/\//, "").replace(/\/.*$/, "");
  return `${host}-${suite}`
    .toLowerCase()
    .replace(/[^a-z0-9.-]+/g, "-")
    .replace(/^[^a-z0-9]+/, "");
}

/** Fingerprints sorted, one space between; keys and paths as they are. */
function canonicalSignedBy(text: string): string {
  if (!/^[0-9A-F]{40}\b/.test(text)) return text;
  return [...new Set(text.split(/[, ]+/))].sort(compareOrdinal).join(" ");
}
