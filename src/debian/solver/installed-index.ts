// SPDX-License-Identifier: Apache-2.0
import { digestOf, hexOf } from "../../base/index.ts";
import { field, type Stanza } from "../control.ts";
import { type PackageIndex, parsePackages } from "../packages-index.ts";

/** What messages call the place of installed packages; no source can have this name. */
const installedSource = "the base";

/**
 * What decides whether something else may be installed. What an installed package needs is no concern: it is
 * there already, and an image may lack it on purpose.
 */
const kept = ["Package", "Version", "Architecture", "Multi-Arch", "Provides", "Conflicts", "Breaks"];

/** The packages of a dpkg database as an index; they have no file. */
export function installedIndex(stanzas: readonly Stanza[], architecture: string): PackageIndex {
  const texts = stanzas.map(stanzaText);
  return parsePackages(Buffer.from(texts.join("\n"), "utf8"), { architecture, source: installedSource });
}

function stanzaText(stanza: Stanza): string {
  const lines = kept.flatMap((name) => {
    const value = field(stanza, name);
    return value === undefined ? [] : [`${name}: ${value}\n`];
  });
  const identity = ["Package", "Version", "Architecture"].map((name) => field(stanza, name)).join(" ");
  return `${lines.join("")}Filename: none\nSize: 0\nSHA256: ${hexOf(digestOf(identity))}\n`;
}
