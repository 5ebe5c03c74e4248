// SPDX-License-Identifier: Apache-2.0
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { extname, join } from "node:path";

import { isSystemError } from "../base/index.ts";
import type { SandboxCircumstances } from "../sandbox/index.ts";
import { giveTo } from "./check-copy.ts";
import { otherHostName, sandboxVariable } from "./check-sandbox.ts";
import { reverseVariable } from "./directory-order.ts";
import { type Shell, shiftVariable } from "./shell.ts";

/** How the second build's process differs from this one. */
export interface Circumstances {
  /** Absent where this process may not become another user, or the other user could not read what it needs. */
  readonly user: number | undefined;
  /** Commands in front of Node: one processor, another clock. */
  readonly wrapper: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly umask: number;
  readonly cwd: string;
  /** One line for each thing that differs, and for what stays the same and why. */
  readonly varied: readonly string[];
  readonly kept: readonly string[];
}

/** Directories of the second build's own. */
export interface CheckPlaces {
  /** Holds all of it. */
  readonly base: string;
  readonly home: string;
  readonly tmp: string;
  readonly cwd: string;
}

const nobody = 65534;
/** 400 days: another year, month, day of the week and, in most zones, another offset. */
export const shiftSeconds = 400 * 86_400;
const sandboxCircumstances: SandboxCircumstances = {
  hostName: otherHostName,
  cpus: 1,
  clockSeconds: shiftSeconds,
  directoryOrder: "reversed",
};
const withScripts = "maintainer scripts and steps run as it, and another has no sub-ids";
const mainPath = join(import.meta.dirname, `main${extname(import.meta.filename)}`);
/** As the command `ashlar` starts Node: heaps of threads and arenas of malloc are kept small. */
const nodeOptions = ["--disable-warning=ExperimentalWarning", "--max-semi-space-size=4"];
const nodeEnv = { MALLOC_ARENA_MAX: "1" };

/** What a build may hear from the environment; nothing else is handed on. */
const handedOn =
  /^(PATH|SOURCE_DATE_EPOCH|ASHLAR_(MIRROR|SECURITY_MIRROR|SNAPSHOT)|\w+_proxy|SSL_CERT_FILE|NODE_EXTRA_CA_CERTS)$/i;

/** Finds out what can be varied on this machine, by trying it; around scripts also what their sandbox may. */
export function planCircumstances(
  shell: Shell,
  places: CheckPlaces,
  { hasScripts }: { readonly hasScripts: boolean },
): Circumstances {
  const here = Intl.DateTimeFormat().resolvedOptions();
  const zone = here.timeZone === "Pacific/Chatham" ? "America/Caracas" : "Pacific/Chatham";
  const locale = here.locale.startsWith("tr") ? "lt_LT.UTF-8" : "tr_TR.UTF-8";
  const umask = process.umask() === 0o077 ? 0o022 : 0o077;
  const local = { TZ: zone, LC_ALL: locale, LANG: locale, USER: "ashlar-check", LOGNAME: "ashlar-check" };
  const own = { HOME: places.home, TMPDIR: places.tmp, [reverseVariable]: "1" };
  const env: Record<string, string> = { ...passedOn(shell), ...nodeEnv, ...local, ...own };
  const processor = processorWrapper(env);
  const clock = clockWrapper(env);
  if (clock.length === 0) env[shiftVariable] = String(shiftSeconds);
  const wrapper = [...processor, ...clock];
  if (hasScripts) env[sandboxVariable] = JSON.stringify(sandboxCircumstances);
  const user = !hasScripts && canBeNobody({ wrapper, env }, places) ? nobody : undefined;
  const varied = [
    "the path of project, store, home, working and temporary directory",
    `time zone ${zone}`,
    `locale ${locale}`,
    `umask 0${umask.toString(8).padStart(3, "0")}`,
    `the clock by 400 days${clock.length === 0 ? " (Ashlar's own)" : ""}`,
    "the order of directories",
    "the environment",
    ...(processor.length > 0 ? ["one processor"] : []),
    ...(user === undefined ? [] : [`user and group ${user}`]),
  ];
  const kept = [
    ...(processor.length > 0 ? [] : ["the processors: there is no taskset"]),
    ...(user === undefined ? [`the user: ${hasScripts ? withScripts : whyKept()}`] : []),
  ];
  return { user, wrapper, env, umask, cwd: places.cwd, varied, kept };
}

function passedOn(shell: Shell): Record<string, string> {
  const pairs = Object.entries(shell.env).filter(([name, value]) => value !== undefined && handedOn.test(name));
  return Object.fromEntries(pairs) as Record<string, string>;
}

/** The first processor that this process may use. */
function processorWrapper(env: NodeJS.ProcessEnv): readonly string[] {
  const first = /^Cpus_allowed_list:\s*(\d+)/m.exec(readStatus())?.[1] ?? "0";
  const wrapper = ["taskset", "-c", first];
  return outputOf([...wrapper, process.execPath, "-p", "1"], env) === "1" ? wrapper : [];
}

function readStatus(): string {
  try {
    return readFileSync("/proc/self/status", "utf8");
  } catch (error) {
    if (isSystemError(error, "ENOENT", "EACCES")) return "";
    throw error;
  }
}

/** faketime moves all clocks but the monotonic one, which timers need; believed only when it is seen to work. */
function clockWrapper(env: Record<string, string>): readonly string[] {
  const wrapper = ["faketime", "-m", "-f", `+${shiftSeconds}s`];
  const options = { FAKETIME_DONT_FAKE_MONOTONIC: "1", DONT_FAKE_MONOTONIC: "1" };
  const shown = outputOf([...wrapper, process.execPath, "-p", "Date.now()"], { ...env, ...options });
  const ahead = Number(shown) - Date.now();
  if (!(Math.abs(ahead / 1000 - shiftSeconds) < 3600)) return [];
  Object.assign(env, options);
  return wrapper;
}

function outputOf([command = "", ...args]: readonly string[], env: NodeJS.ProcessEnv): string {
  return spawnSync(command, args, { env, encoding: "utf8", timeout: 20_000 }).stdout?.trim() ?? "";
}

/** Root may become nobody, if nobody may read Node, Ashlar and what lies in the temporary directory. */
function canBeNobody(
  { wrapper, env }: Pick<Circumstances, "wrapper" | "env">,
  { base, cwd }: CheckPlaces,
): boolean {
  if (process.geteuid?.() !== 0 || !gave(base)) return false;
  const asNobody = (...args: readonly string[]): boolean => {
    const [command = "", ...rest] = [...wrapper, process.execPath, ...nodeOptions, ...args];
    return spawnSync(command, rest, { env, cwd, uid: nobody, gid: nobody, timeout: 20_000 }).status === 0;
  };
  return asNobody("-e", "fs.readdirSync(process.argv[1])", cwd) && asNobody(mainPath, "--version");
}

/** In a user namespace there may be no such user. */
function gave(path: string): boolean {
  try {
    giveTo(nobody, path);
    return true;
  } catch (error) {
    if (isSystemError(error, "EPERM", "EINVAL", "EROFS")) return false;
    throw error;
  }
}

function whyKept(): string {
  if (process.geteuid?.() !== 0) return "only root can become another";
  return "another one cannot read Node, Ashlar or the temporary directory here";
}

/** Starts Ashlar with these arguments under the circumstances, as the leader of a group of processes. */
export function startAshlar(args: readonly string[], circumstances: Circumstances): ChildProcess {
  const { wrapper, env, cwd, user, umask } = circumstances;
  const [command = "", ...rest] = [...wrapper, process.execPath, ...nodeOptions, mainPath, ...args];
  const own = process.umask(umask);
  try {
    const owner = user === undefined ? {} : { uid: user, gid: user };
    return spawn(command, rest, { env, cwd, stdio: ["ignore", "pipe", "pipe"], detached: true, ...owner });
  } finally {
    process.umask(own);
  }
}
