// SPDX-License-Identifier: Apache-2.0
import { type Accounts, resolveOwner } from "../assemble/index.ts";

/** Who the first process of a container is. */
export interface SessionUser {
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
  readonly home: string;
}

/**
 * The meaning of `USER[:GROUP]`, names or numbers (OCI image-spec v1.1, config.md, "User"): without a group the
 * user's own and those that have it as a member. A number that no user has is taken as it is, with group 0.
 * Throws `ASSEMBLE_OWNER_UNKNOWN`.
 */
export function resolveUser(text: string, accounts: Accounts): SessionUser {
  const [name = "", group] = text.split(":");
  const uid = resolveOwner(accounts, name === "" ? "0" : name, "user");
  const own = accounts.users.filter((user) => user.uid === uid);
  const line = own.find((user) => user.name === name) ?? own[0];
  const home = line?.home ?? (uid === 0 ? "/root" : "/");
  if (group !== undefined && group !== "") {
    return { uid, gid: resolveOwner(accounts, group, "group"), groups: [], home };
  }
  const joined = accounts.groups.filter(({ members }) => line !== undefined && members.includes(line.name));
  return { uid, gid: line?.gid ?? 0, groups: joined.map(({ gid }) => gid), home };
}
