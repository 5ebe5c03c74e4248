// SPDX-License-Identifier: Apache-2.0
import { chmodSync, chownSync, existsSync, readdirSync, realpathSync, statSync } from "node:fs";
import { join } from "node:path";

import { AshlarError, isSystemError } from "../base/index.ts";
import { readFormatText, writeFormat } from "./format-file.ts";
import { groupRights, Layout, makeDirs, makeEmptyFile, privateRights } from "./layout.ts";
import { makeOwnDir } from "./open-layout.ts";
import { storeUser, verifyShared } from "./rights.ts";
import { parseStoreFormat, sharedVersion } from "./store-format.ts";
import { onDisk } from "./system-fault.ts";

/**
 * Makes an empty directory the part of stores that the members of a group share: packs, their index, refs and
 * downloads. Throws `STORE_NOT_A_STORE`, `STORE_GROUP`.
 */
export function shareStore(dir: string, gid: number): void {
  onDisk(`make shared store "${dir}"`, () => {
    if (existsSync(dir) && readdirSync(dir).length > 0) throw notEmpty(dir);
    const uid = storeUser();
    makeOwnDir(dir, uid);
    const layout = new Layout(dir, dir);
    giveToGroup(dir, gid);
    const prefixes = Array.from({ length: 256 }, (_, i) => i.toString(16).padStart(2, "0"));
    const areas = [layout.packs, join(dir, "downloads"), layout.downloads, layout.packTmp];
    const inside = prefixes.map((prefix) => join(layout.downloads, prefix));
    for (const path of [...areas, ...inside]) {
      makeDirs(path, groupRights.dir);
      giveToGroup(path, gid);
    }
    for (const lock of [layout.leaseLock, layout.setupLock]) makeEmptyFile(lock, groupRights.file);
    writeFormat(dir, { kind: "shared", version: sharedVersion, gid }, groupRights.pack);
  });
}

function giveToGroup(path: string, gid: number): void {
  try {
    chownSync(path, -1, gid);
    chmodSync(path, groupRights.dir);
  } catch (cause) {
    if (!isSystemError(cause, "EPERM")) throw cause;
    throw new AshlarError("STORE_GROUP", `Cannot share store "${path}": want a group that you are a member of`, {
      hint: "join the group and log in again, or run this as root",
      cause,
    });
  }
}

/**
 * Makes `dir` a store of this user whose packs, refs and downloads are those of a shared directory. From now on that
 * has to stay with its owner and group. Throws `STORE_NOT_A_STORE`, `STORE_NOT_SHARED` and what `verifyShared` throws.
 */
export function joinStore(dir: string, shared: string): void {
  onDisk(`join shared store "${shared}"`, () => {
    if (existsSync(dir) && readdirSync(dir).length > 0) throw notEmpty(dir);
    const real = realpathSync(shared);
    const format = parseStoreFormat(readFormatText(real) ?? "");
    if (format?.kind !== "shared") {
      throw new AshlarError("STORE_NOT_SHARED", `Cannot join store "${shared}": it is not made for sharing`, {
        hint: `make one in an empty directory: ashlar store share DIR --group GROUP`,
      });
    }
    const place = { shared: real, uid: statSync(real).uid, gid: format.gid };
    verifyShared(place);
    makeOwnDir(dir, storeUser());
    const layout = new Layout(dir, real);
    for (const path of [layout.links, layout.tmp]) makeDirs(path);
    writeFormat(dir, { kind: "member", version: sharedVersion, ...place }, privateRights.file);
  });
}

function notEmpty(dir: string): AshlarError {
  return new AshlarError("STORE_NOT_A_STORE", `Cannot make store "${dir}": it is not empty, want a new directory`, {
    hint: "name another directory, for the user's store by --store DIR",
  });
}
