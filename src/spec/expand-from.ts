// SPDX-License-Identifier: Apache-2.0
import { compareOrdinal } from "../base/index.ts";
import type { FromDocument, SourceDocument } from "./document.ts";
import type { DebianInput, ImageInput } from "./shape.ts";

type SourceInput = NonNullable<DebianInput["sources"]>[number];

/** Opens the short forms of `from`. */
export function expandFrom(input: ImageInput["from"]): FromDocument {
  if (input === "scratch") return { kind: "scratch" };
  if (typeof input === "string") return expandDebian({ debian: input.slice("debian:".length) });
  return "image" in input ? { kind: "image", image: input.image } : expandDebian(input);
}

/** Debian's own archives in a fixed order, since the words have none; others follow as written. */
const ownWords = ["updates", "security", "backports"] as const;

function expandDebian(input: DebianInput): FromDocument {
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
