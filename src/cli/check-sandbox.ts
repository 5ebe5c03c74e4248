// SPDX-License-Identifier: Apache-2.0
import { isAshlarError, parseJson } from "../base/index.ts";
import type { Sandbox, SandboxCircumstances, SandboxResult, SandboxRun } from "../sandbox/index.ts";
import type { Shell } from "./shell.ts";

/** Tells the second build of a check what to vary in its sandbox, as JSON; not for users. */
export const sandboxVariable = "ASHLAR_CHECK_SANDBOX";

/** The host name that scripts see in the second build. */
export const otherHostName = "ashlar-elsewhere";

/** What the processes in a sandbox saw: measured by a script, not claimed by us. */
export interface Seen {
  readonly hostName: string;
  readonly cpus: number;
  readonly clockSeconds: number;
  /** The names in a directory as it is read. */
  readonly order: string;
}

/** The same command under the build's own circumstances and under those of the check. */
export interface SeenTwice {
  readonly plain: Seen;
  readonly varied: Seen;
  /** How many runs there were, and how many of them kept the clock, or clock and order of directories. */
  readonly runs: number;
  readonly withoutClock: number;
  readonly withoutBoth: number;
}

export function circumstancesOf({ env }: Shell): SandboxCircumstances | undefined {
  const text = env[sandboxVariable];
  return text === undefined ? undefined : (parseJson(text, sandboxVariable) as SandboxCircumstances);
}

/** One line each; everything in it is in every essential base. */
const script = "uname -n; nproc; date +%s; ls -f /usr/bin | head -n 500 | md5sum";

/**
 * Under a moved clock or another order of directories a run that takes longer, or fails, is tried without them:
 * what moves them are programs of others, and some programs do not get on with these.
 */
const patienceSeconds = 600;

/** Allocators of their own ask for the time before libfaketime is ready, and hang. */
const allocatorPath = /\/lib(jemalloc|tcmalloc)[^/]*\.so(\.|$)/;

/** Varies the circumstances of a build's runs as far as their programs bear it, and measures once what that changes. */
export class CircumstancesWatch {
  #measured: Pick<SeenTwice, "plain" | "varied"> | undefined;
  #isDone = false;
  #runs = 0;
  #withoutClock = 0;
  #withoutBoth = 0;

  /** Absent where no script ran under circumstances in a root with these programs. */
  get seen(): SeenTwice | undefined {
    const [runs, withoutClock, withoutBoth] = [this.#runs, this.#withoutClock, this.#withoutBoth];
    return this.#measured && { ...this.#measured, runs, withoutClock, withoutBoth };
  }

  /** A sandbox that looks around before the first run that it can. */
  over(sandbox: Sandbox): Sandbox {
    return {
      backend: sandbox.backend,
      identity: sandbox.identity,
      attach: (session) => sandbox.attach(session),
      run: (request) =>
        request.circumstances === undefined ? sandbox.run(request) : this.#run(sandbox, request),
    };
  }

  async #run(sandbox: Sandbox, request: SandboxRun): Promise<SandboxResult> {
    this.#runs++;
    const bearable = request.root.some(({ path }) => allocatorPath.test(path))
      ? without(request, "clock")
      : request;
    if (bearable !== request) this.#withoutClock++;
    if (!this.#isDone && hasShell(request)) await this.#look(sandbox, request);
    const result = await tryRun(sandbox, bearable);
    if (result !== undefined) return result;
    this.#withoutBoth++;
    return sandbox.run(without(request, "both"));
  }

  async #look(sandbox: Sandbox, request: SandboxRun): Promise<void> {
    this.#isDone = true;
    const { circumstances: _none, ...plain } = request;
    const [first, second] = [await look(sandbox, plain), await look(sandbox, request)];
    if (first !== undefined && second !== undefined) this.#measured = { plain: first, varied: second };
  }
}

function without(request: SandboxRun, what: "clock" | "both"): SandboxRun {
  const { clockSeconds: _still, directoryOrder, ...others } = request.circumstances ?? {};
  const kept = what === "both" || directoryOrder === undefined ? others : { ...others, directoryOrder };
  return { ...request, circumstances: kept };
}

/** Undefined where the run failed or took too long, which may be the circumstances' fault. */
async function tryRun(sandbox: Sandbox, request: SandboxRun): Promise<SandboxResult | undefined> {
  const { limits } = request;
  try {
    const seconds = Math.min(limits.seconds, patienceSeconds);
    const result = await sandbox.run({ ...request, limits: { ...limits, seconds } });
    return result.exitCode === 0 ? result : undefined;
  } catch (error) {
    if (isAshlarError(error, "SANDBOX_TIMEOUT")) return undefined;
    throw error;
  }
}

function hasShell({ root }: SandboxRun): boolean {
  const paths = new Set<string>(["usr/bin/date", "usr/bin/ls", "usr/bin/dash"]);
  return root.filter(({ path }) => paths.has(path)).length === paths.size;
}

async function look(sandbox: Sandbox, request: SandboxRun): Promise<Seen | undefined> {
  const { onOutput: _silent, ...quiet } = request;
  const command = { argv: ["/bin/sh", "-c", script] };
  const { exitCode, log } = await sandbox.run({ ...quiet, command });
  const [hostName, cpus, clock, order] = Buffer.from(log).toString("utf8").split("\n");
  if (exitCode !== 0 || hostName === undefined || order === undefined) return undefined;
  return { hostName, cpus: Number(cpus), clockSeconds: Number(clock), order };
}

/** What was varied around scripts, and what not, in words; `cpus` is how many the first build had. */
export function describeSeen(seen: SeenTwice, cpus: number): { varied: string[]; kept: string[] } {
  const { plain, varied, runs, withoutClock, withoutBoth } = seen;
  const ahead = Math.round((varied.clockSeconds - plain.clockSeconds) / 86_400);
  const facts: readonly (readonly [isVaried: boolean, what: string])[] = [
    [plain.hostName !== varied.hostName, "the host name in the sandbox"],
    [varied.cpus !== cpus, `the processors in the sandbox (${varied.cpus} of ${cpus})`],
    [ahead !== 0, "the clock in the sandbox"],
    [plain.order !== varied.order, "the order of directories in the sandbox"],
  ];
  const of = (isVaried: boolean): string[] => facts.filter(([is]) => is === isVaried).map(([, what]) => what);
  const allocator = `the clock in ${withoutClock} of ${runs} runs: programs there hang with libfaketime`;
  const failed = `clock and order of directories in ${withoutBoth} of ${runs} runs: they did not end well with them`;
  return {
    varied: of(true),
    kept: [
      ...of(false),
      ...(ahead !== 0 && withoutClock > 0 ? [allocator] : []),
      ...(withoutBoth > 0 ? [failed] : []),
    ],
  };
}
