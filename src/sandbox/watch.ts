// SPDX-License-Identifier: Apache-2.0
import type { Cgroups } from "./cgroups.ts";
import { type Excess, excessOf } from "./limits.ts";
import type { SandboxLimits } from "./sandbox.ts";
import { diskBytesOf, freeBytes, processUsage } from "./usage.ts";

const pollMs = 150;
/** A directory is counted through only this often, or when the file system lost this much. */
const diskPollMs = 5000;

export interface WatchOptions {
  /** The launcher. */
  readonly pid: number;
  /** Where the run writes. */
  readonly upper: string;
  readonly limits: SandboxLimits;
  readonly refused: Cgroups["refused"];
  /** Called once, when a bound is passed. */
  readonly onExcess: (excess: Excess) => void;
  /** Called once, when looking fails. */
  readonly onFault: (error: unknown) => void;
}

/** Looks at a run now and then, and says when it passes a bound. */
export class Watch {
  readonly #options: WatchOptions;
  readonly #start = performance.now();
  readonly #freeAtStart: number;
  readonly #timer: NodeJS.Timeout;
  #outputBytes = 0;
  #diskBytes = 0;
  #diskAt = 0;
  #ended = false;

  constructor(options: WatchOptions) {
    this.#options = options;
    this.#freeAtStart = freeBytes(options.upper);
    this.#timer = setInterval(() => this.#tryToLook(), pollMs);
  }

  addOutput(bytes: number): void {
    this.#outputBytes += bytes;
    if (this.#outputBytes > this.#options.limits.outputBytes) this.#judge({ processes: 0, memoryBytes: 0 });
  }

  end(): void {
    this.#ended = true;
    clearInterval(this.#timer);
  }

  /** Looks once more when it has ended: what ran into a bound of the kernel may have given up by itself. */
  lookBack(): void {
    this.#diskBytes = diskBytesOf(this.#options.upper);
    this.#judge({ processes: 0, memoryBytes: 0 });
  }

  #tryToLook(): void {
    try {
      this.#look();
    } catch (error) {
      this.end();
      this.#options.onFault(error);
    }
  }

  #look(): void {
    const now = performance.now();
    const lost = this.#freeAtStart - freeBytes(this.#options.upper);
    // What others write counts into `lost`, so it is only a reason to look.
    if (lost > this.#options.limits.diskBytes - this.#diskBytes / 2 || now - this.#diskAt > diskPollMs) {
      this.#diskBytes = diskBytesOf(this.#options.upper);
      this.#diskAt = performance.now();
    }
    this.#judge(processUsage(this.#options.pid));
  }

  #judge(usage: { readonly processes: number; readonly memoryBytes: number }): void {
    if (this.#ended) return;
    const seconds = (performance.now() - this.#start) / 1000;
    const rest = { seconds, diskBytes: this.#diskBytes, outputBytes: this.#outputBytes };
    const refused = this.#options.refused();
    const memory = refused === "memory" ? { memoryBytes: Infinity } : {};
    const processes = refused === "processes" ? { processes: Infinity } : {};
    const excess = excessOf({ ...usage, ...rest, ...memory, ...processes }, this.#options.limits);
    if (excess === undefined) return;
    this.end();
    this.#options.onExcess(excess);
  }
}
