// SPDX-License-Identifier: Apache-2.0
import { parseJson } from "../base/index.ts";
import type { Sandbox, SandboxCircumstances, SandboxRun } from "../sandbox/index.ts";
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
}

export function circumstancesOf({ env }: Shell): SandboxCircumstances | undefined {
  const text = env[sandboxVariable];
  return text === undefined ? undefined : (parseJson(text, sandboxVariable) as SandboxCircumstances);
}

/** One line each; everything in it is in every essential base. */
const script = "uname -n; nproc; date +%s; ls -f /usr/bin | head -n 500 | md5sum";

/** Measures once in a build what circumstances change in its sandbox. */
export class CircumstancesWatch {
  #seen: SeenTwice | undefined;
  #isDone = false;

  /** Absent where no script ran under circumstances in a root with these programs. */
  get seen(): SeenTwice | undefined {
    return this.#seen;
  }

  /** A sandbox that looks around before the first run that it can. */
  over(sandbox: Sandbox): Sandbox {
    return {
      backend: sandbox.backend,
      identity: sandbox.identity,
      attach: (session) => sandbox.attach(session),
      run: async (request) => {
        if (!this.#isDone && request.circumstances !== undefined && hasShell(request))
          await this.#look(sandbox, request);
        return sandbox.run(request);
      },
    };
  }

  async #look(sandbox: Sandbox, request: SandboxRun): Promise<void> {
    this.#isDone = true;
    const { circumstances: _none, ...plain } = request;
    const [first, second] = [await look(sandbox, plain), await look(sandbox, request)];
    if (first !== undefined && second !== undefined) this.#seen = { plain: first, varied: second };
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
export function describeSeen(
  { plain, varied }: SeenTwice,
  cpus: number,
): { varied: string[]; kept: string[] } {
  const ahead = Math.round((varied.clockSeconds - plain.clockSeconds) / 86_400);
  const facts: readonly (readonly [isVaried: boolean, what: string])[] = [
    [plain.hostName !== varied.hostName, "the host name in the sandbox"],
    [varied.cpus !== cpus, `the processors in the sandbox (${varied.cpus} of ${cpus})`],
    [ahead !== 0, "the clock in the sandbox"],
    [plain.order !== varied.order, "the order of directories in the sandbox"],
  ];
  const of = (isVaried: boolean): string[] => facts.filter(([is]) => is === isVaried).map(([, what]) => what);
  return { varied: of(true), kept: of(false) };
}
