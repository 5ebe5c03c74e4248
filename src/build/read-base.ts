// SPDX-License-Identifier: Apache-2.0
import type { ReadBase } from "../lock/index.ts";
import { readInstalled } from "../query/index.ts";
import { readForeignRecord } from "../pull/index.ts";
import { type BaseRequest, openBase } from "./foreign-base.ts";

/** Reads foreign images for the lock: they are brought into the store for it, where the build finds them. */
export function baseReader(request: Pick<BaseRequest, "store" | "projectDir" | "progress">): ReadBase {
  const { store } = request;
  return async (from, platform) => {
    const { manifest, flat } = readForeignRecord(store, await openBase({ ...request, from, platform }));
    return { manifest, installed: readInstalled(store.readTree(flat), (content) => store.read(content)) };
  };
}
