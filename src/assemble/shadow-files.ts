// SPDX-License-Identifier: Apache-2.0
import { AshlarError, type ImagePath, limits } from "../base/index.ts";
import type { FileEntry } from "../formats/index.ts";
import type { Accounts } from "./accounts.ts";
import type { Contents } from "./content.ts";
import type { OwnedTree } from "./merge-trees.ts";

/**
 * The day on which passwords changed, as days since 1970: that of the sandbox's SOURCE_DATE_EPOCH, so that
 * accounts of ours look like those that scripts make. Not 0: that asks for a new password (shadow(5)).
 */
const changeDay = 315_532_800 / 86_400;

/** Accounts with the passwords of new ones moved to the shadow files, and these files' entries. */
export interface ShadowedAccounts {
  readonly accounts: Accounts;
  readonly entries: readonly FileEntry[];
}

/**
 * Where a system keeps passwords in /etc/shadow and /etc/gshadow, new accounts get a locked line there, as
 * useradd makes it. A system without these files stays without. Throws `ASSEMBLE_ACCOUNTS_INVALID`.
 */
export function shadowAccounts(
  before: Accounts,
  after: Accounts,
  { tree, contents }: { readonly tree: OwnedTree["tree"]; readonly contents: Contents },
): ShadowedAccounts {
  const [shadow, gshadow] = ["etc/shadow", "etc/gshadow"].map((path) => fileAt(tree, path as ImagePath));
  const users = newNames(before.users, after.users);
  const groups = newNames(before.groups, after.groups);
  const entries: FileEntry[] = [];
  const append = (file: FileEntry | undefined, names: ReadonlySet<string>, tail: string): void => {
    if (file === undefined || names.size === 0) return;
    entries.push(
      withLines(
        file,
        [...names].map((name) => `${name}:!:${tail}`),
        contents,
      ),
    );
  };
  append(shadow, users, `${changeDay}:0:99999:7:::`);
  append(gshadow, groups, ":");
  return {
    accounts: {
      users: shadow === undefined ? after.users : after.users.map((line) => shadowed(line, users)),
      groups: gshadow === undefined ? after.groups : after.groups.map((line) => shadowed(line, groups)),
    },
    entries,
  };
}

function fileAt(tree: OwnedTree["tree"], path: ImagePath): FileEntry | undefined {
  const entry = tree.find((other) => other.path === path);
  return entry?.type === "file" ? entry : undefined;
}

function newNames(
  before: readonly { name: string }[],
  after: readonly { name: string }[],
): ReadonlySet<string> {
  const known = new Set(before.map(({ name }) => name));
  return new Set(after.flatMap(({ name }) => (known.has(name) ? [] : [name])));
}

function shadowed<T extends { readonly name: string; readonly password: string }>(
  line: T,
  names: ReadonlySet<string>,
): T {
  return names.has(line.name) ? { ...line, password: "x" } : line;
}

function withLines(file: FileEntry, lines: readonly string[], contents: Contents): FileEntry {
  const before = contents.read(file.content);
  if (before.length > limits.textBytesMax) {
    const fault = `${before.length} bytes, at most ${limits.textBytesMax}`;
    throw new AshlarError("ASSEMBLE_ACCOUNTS_INVALID", `Cannot read "/${file.path}": ${fault}`);
  }
  const end = before.length === 0 || before.at(-1) === 0x0a ? "" : "\n";
  const bytes = Buffer.concat([before, Buffer.from(end + lines.map((line) => `${line}\n`).join(""), "utf8")]);
  const { digest, sizeBytes } = contents.put(bytes);
  return { ...file, mtimeSeconds: 0, content: digest, sizeBytes };
}
