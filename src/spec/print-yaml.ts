// SPDX-License-Identifier: Apache-2.0
import { Document, isMap, isSeq, type Node, visit } from "yaml";

/** What is short enough stands on one line. */
const flowCharsMax = 80;

/** Prints data as YAML 1.2 that reads back to the same data. */
export function printYaml(written: Readonly<Record<string, unknown>>): string {
  const document = new Document(written, { version: "1.2", schema: "core", aliasDuplicateObjects: false });
  visit(document, {
    Collection(_, node, path) {
      // The document itself, and in a fleet the images and each of them, stay in block form.
      const mappings = path.filter((part) => "items" in part).length;
      const isFleet = Object.hasOwn(written, "images");
      const above = path.at(-1);
      // The items of a list that has several lines begin with their one key.
      const isItem = isMap(node) && node.items.length === 1 && isSeq(above) && above.flow !== true;
      if (mappings > (isFleet ? 2 : 0) && !isItem && isShort(node)) node.flow = true;
    },
  });
  return document.toString({ lineWidth: 0 });
}

function isShort(node: Node): boolean {
  const text = JSON.stringify(node);
  return text.length <= flowCharsMax && !text.includes("\\n");
}
