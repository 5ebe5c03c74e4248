// SPDX-License-Identifier: Apache-2.0
import { AshlarError, compareOrdinal } from "../base/index.ts";
import type { UserDocument } from "../spec/index.ts";
import type { GroupLine, PasswdLine } from "./account-files.ts";

/** Who exists in an image: /etc/passwd and /etc/group as values. */
export interface Accounts {
  readonly users: readonly PasswdLine[];
  readonly groups: readonly GroupLine[];
}

/** Root alone: what an image without base-passwd starts with once it has users of its own. */
export const rootOnly: Accounts = {
  users: [{ name: "root", password: "*", uid: 0, gid: 0, gecos: "root", home: "/root", shell: "/usr/sbin/nologin" }],
  groups: [{ name: "root", password: "*", gid: 0, members: [] }],
};

const namePattern = /^[a-z_][a-z0-9_.-]{0,30}\$?$/i;

/**
 * Adds the spec's users in the order of their names. A user's group is the one that has its gid; where there
 * is none, one of the user's own name is made. A user that is there already with the same uid, gid, home and
 * shell is left as it is. Throws `ASSEMBLE_USER_CONFLICT` or `ASSEMBLE_USER_INVALID`.
 */
export function addUsers(accounts: Accounts, users: Readonly<Record<string, UserDocument>>): Accounts {
  let result = accounts;
  for (const name of Object.keys(users).sort(compareOrdinal)) {
    result = addUser(result, name, users[name] as UserDocument);
  }
  return result;
}

function addUser(accounts: Accounts, name: string, user: UserDocument): Accounts {
  checkUser(name, user);
  const line: PasswdLine = { name, password: "*", ...pick(user) };
  const existing = accounts.users.find((other) => other.name === name);
  const users = existing === undefined ? [...accounts.users, line] : accounts.users;
  if (existing !== undefined && !isSameUser(existing, line)) {
    throw conflict(name, `the image has it with uid ${existing.uid}, gid ${existing.gid}`);
  }
  const twin = accounts.users.find((other) => other.uid === user.uid && other.name !== name);
  if (twin !== undefined) throw conflict(name, `uid ${user.uid} belongs to "${twin.name}"`);
  return { users, groups: joinGroups(withOwnGroup(accounts.groups, name, user), name, user) };
}

function pick(user: UserDocument): Omit<PasswdLine, "name" | "password"> {
  const { uid, gid, gecos, home, shell } = user;
  return { uid, gid, gecos, home, shell };
}

function isSameUser(a: PasswdLine, b: PasswdLine): boolean {
  return a.uid === b.uid && a.gid === b.gid && a.home === b.home && a.shell === b.shell;
}

function withOwnGroup(groups: readonly GroupLine[], name: string, { gid }: UserDocument): readonly GroupLine[] {
  if (groups.some((group) => group.gid === gid)) return groups;
  const namesake = groups.find((group) => group.name === name);
  if (namesake !== undefined) throw conflict(name, `group "${name}" has gid ${namesake.gid}, not ${gid}`);
  return [...groups, { name, password: "*", gid, members: [] }];
}

function joinGroups(groups: readonly GroupLine[], name: string, user: UserDocument): readonly GroupLine[] {
  for (const wanted of user.groups) {
    if (groups.some((group) => group.name === wanted)) continue;
    const hint = `groups are ${groups.map((group) => group.name).join(", ")}`;
    throw new AshlarError("ASSEMBLE_USER_INVALID", `Cannot add user "${name}": there is no group "${wanted}"`, {
      hint,
    });
  }
  return groups.map((group) => {
    if (!user.groups.includes(group.name) || group.members.includes(name)) return group;
    return { ...group, members: [...group.members, name] };
  });
}

function checkUser(name: string, user: UserDocument): void {
  const fault = faultOf(name, user);
  if (fault !== undefined) throw new AshlarError("ASSEMBLE_USER_INVALID", `Cannot add user "${name}": ${fault}`);
}

function faultOf(name: string, user: UserDocument): string | undefined {
  if (!namePattern.test(name)) return "want a name of letters, digits, _, . and -, at most 31, no digit first";
  for (const id of [user.uid, user.gid]) {
    if (!Number.isInteger(id) || id < 0 || id > 2 ** 32 - 2) return `${id} is no id`;
  }
  if ([user.gecos, user.home, user.shell].some((text) => /[:\n\r\0]/.test(text)))
    return "a field holds a colon or line end";
  if (!user.home.startsWith("/") || !user.shell.startsWith("/")) return "want absolute paths as home and shell";
  return undefined;
}

function conflict(name: string, fault: string): AshlarError {
  return new AshlarError("ASSEMBLE_USER_CONFLICT", `Cannot add user "${name}": ${fault}, want another name or number`);
}

/** The number of an owner that is given as a name or as a number. Throws `ASSEMBLE_OWNER_UNKNOWN`. */
export function resolveOwner(accounts: Accounts, owner: string, kind: "user" | "group"): number {
  if (/^\d{1,10}$/.test(owner) && Number(owner) <= 2 ** 32 - 2) return Number(owner);
  const found =
    kind === "user"
      ? accounts.users.find((line) => line.name === owner)?.uid
      : accounts.groups.find((line) => line.name === owner)?.gid;
  if (found !== undefined) return found;
  throw new AshlarError(
    "ASSEMBLE_OWNER_UNKNOWN",
    `Cannot find ${kind} "${owner}": it is in neither the image nor the spec`,
    {
      hint: kind === "user" ? `declare it: \`users: { ${owner}: { uid: 10001 } }\`` : "use the group's number",
    },
  );
}

/** The number of a user's own group; of a number that no user has, the same number. */
export function groupOf(accounts: Accounts, uid: number): number {
  return accounts.users.find((line) => line.uid === uid)?.gid ?? uid;
}
