// SPDX-License-Identifier: Apache-2.0
import { compareOrdinal } from "../../base/index.ts";
import type { PackageIndex } from "../packages-index.ts";
import type { MentionOrder } from "./provider-order.ts";

/** Tells which of two names the sources, in their order, mention first. */
export function mentionOrder(indexes: readonly PackageIndex[]): MentionOrder {
  return (a, b) => {
    if (a.name !== b.name) {
      for (const index of indexes) {
        const order = compareOrdinal(index.firstMention(a.name), index.firstMention(b.name));
        if (order !== 0) return order;
      }
    }
    return compareOrdinal(a.node.key, b.node.key);
  };
}
