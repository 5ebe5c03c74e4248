// SPDX-License-Identifier: Apache-2.0
import { resolve } from "node:path";

import type { Accounts } from "../assemble/index.ts";
import { AshlarError } from "../base/index.ts";
import type { RunConfig } from "../oci/index.ts";
import { fixedEnvironment, type SandboxMount, type SandboxSession } from "../sandbox/index.ts";
import { resolveUser, type SessionUser } from "./session-user.ts";

/** What the command line says about a session. */
export interface SessionWishes {
  readonly user?: string;
  readonly mount?: readonly string[];
  readonly env?: readonly string[];
  readonly workdir?: string;
}

interface Planning {
  readonly config: RunConfig;
  readonly accounts: () => Accounts;
  readonly wishes: SessionWishes;
  readonly argv: readonly string[];
  /** Paths of the host count from here. */
  readonly cwd: string;
  /** The kind of terminal; absent where there is none. */
  readonly term: string | undefined;
}

type Planned = Pick<SandboxSession, "command" | "mounts" | "user">;

/**
 * What runs in a session: as container engines start the image, with the wishes over its config. Throws
 * `USAGE_MOUNT`, `USAGE_ENV`, `USAGE_WORKDIR`, `ASSEMBLE_OWNER_UNKNOWN`.
 */
export function planSession(planning: Planning): Planned {
  const { wishes, argv } = planning;
  const { home, ...user } = userOf(planning);
  return {
    command: { argv, cwd: workdirOf(planning), env: environmentOf(planning, home) },
    mounts: (wishes.mount ?? []).map((text) => parseMount(text, planning.cwd)),
    user,
  };
}

/** Root is known without looking into the image, whose files may be at fault. */
const root: SessionUser = { uid: 0, gid: 0, groups: [], home: "/root" };

function userOf({ config, wishes, accounts }: Planning): SessionUser {
  const text = wishes.user ?? config.user ?? "";
  return ["", "0", "0:0", "root"].includes(text) ? root : resolveUser(text, accounts());
}

function environmentOf({ config, wishes, term }: Planning, home: string): Readonly<Record<string, string>> {
  const own = {
    PATH: fixedEnvironment["PATH"] as string,
    HOME: home,
    HOSTNAME: "localhost",
    ...(term === undefined ? {} : { TERM: term }),
  };
  const given = (config.env ?? []).map((text) => splitVariable(text));
  const asked = (wishes.env ?? []).map((text) => {
    if (text.indexOf("=") > 0) return splitVariable(text);
    throw new AshlarError("USAGE_ENV", `Cannot use --env "${text}": want NAME=VALUE`);
  });
  return { ...own, ...Object.fromEntries(given), ...Object.fromEntries(asked) };
}

function splitVariable(text: string): [string, string] {
  const at = text.indexOf("=");
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}

function workdirOf({ config, wishes }: Planning): string {
  const asked = wishes.workdir ?? config.workingDir ?? "";
  if (asked === "") return "/";
  if (asked.startsWith("/")) return asked;
  throw new AshlarError("USAGE_WORKDIR", `Cannot start in "${asked}": want an absolute path of the image`);
}

/** Reads the value of `--mount`: `SRC:DST[:ro]`. */
function parseMount(text: string, cwd: string): SandboxMount {
  const [, source, target, mode] = /^([^]+?):(\/[^:]*)(?::(ro|rw))?$/.exec(text) ?? [];
  if (source === undefined || target === undefined) {
    throw new AshlarError(
      "USAGE_MOUNT",
      `Cannot use --mount "${text}": want SRC:DST[:ro], DST an absolute path`,
      {
        hint: "e.g. --mount ./site:/srv/www:ro",
      },
    );
  }
  return { source: resolve(cwd, source), target: target.replace(/(?<=.)\/+$/, ""), writable: mode !== "ro" };
}
