// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";

import type { BuilderWork, RoundDone, Step, StepDone } from "./builder-work.ts";
import { type ChildOptions, startScript } from "./child.ts";
import type { Foundry } from "./foundry.ts";
import { type Random, randomFrom } from "./random.ts";

export interface Campaign {
  readonly seed: number;
  readonly store: string;
  readonly builders: number;
  /** What each builder does; asked with random numbers of its own. */
  readonly stepsOf: (random: Random, keys: readonly string[]) => readonly Step[];
  /** After about so many steps and rounds of gc a process is killed, one at a time; absent: never. */
  readonly killEvery?: number;
  /** Between two collections of garbage. */
  readonly gcPauseMs: number;
  /** What is younger stays: without it builders that are killed all the time would begin anew all the time. */
  readonly graceMs?: number;
  /** Ends the campaign when garbage was collected so often, whatever builders are at then; absent: with their work. */
  readonly gcRounds?: number;
  /** What takes longer hangs. */
  readonly timeLimitMs: number;
  /** How the process of a builder is started, by its number. */
  readonly startOptions?: (builder: number) => ChildOptions;
}

export interface CampaignReport {
  readonly steps: readonly StepDone[];
  readonly rounds: readonly RoundDone[];
  readonly kills: number;
  readonly timeMs: number;
}

/**
 * Runs builders on one store, kills some of them and the collector of garbage now and then, and starts them again.
 * Throws when one fails or finds something other than it must be, or when the whole hangs.
 */
export async function runCampaign(foundry: Foundry, campaign: Campaign): Promise<CampaignReport> {
  const run = new Run(foundry, campaign);
  try {
    return await run.toEnd();
  } catch (cause) {
    throw new Error(`campaign of seed ${campaign.seed}: ${(cause as Error).message}`, { cause });
  } finally {
    await run.stop();
  }
}

const killDelayMsMax = 500;

class Run {
  readonly #foundry: Foundry;
  readonly #campaign: Campaign;
  readonly #random: Random;
  readonly #alive = new Set<ChildProcess>();
  readonly #steps: StepDone[] = [];
  readonly #rounds: RoundDone[] = [];
  readonly #timers: NodeJS.Timeout[] = [];
  #kills = 0;
  #untilKill = 1;
  #isOver = false;

  constructor(foundry: Foundry, campaign: Campaign) {
    this.#foundry = foundry;
    this.#campaign = campaign;
    this.#random = randomFrom(campaign.seed);
  }

  async toEnd(): Promise<CampaignReport> {
    const { builders, timeLimitMs, gcRounds } = this.#campaign;
    const start = performance.now();
    const numbers = Array.from({ length: builders }, (_, i) => i);
    const works = numbers.map((number) => ({ number, random: randomFrom(this.#campaign.seed * 1000 + number) }));
    const hang = new Promise<never>((_, reject) => {
      const state = (): string => `${this.#steps.length} steps and ${this.#rounds.length} rounds of gc are done`;
      const fail = (): void => reject(new Error(`nothing ended in ${timeLimitMs} ms: ${state()}`));
      this.#timers.push(setTimeout(fail, timeLimitMs));
    });
    const working = Promise.all(works.map(({ number, random }) => this.#build(number, random)));
    const collecting = this.#collect();
    const end = gcRounds === undefined ? working : this.#neverEnding(working);
    await Promise.race([end, collecting, hang]);
    const timeMs = Math.round(performance.now() - start);
    return { steps: this.#steps, rounds: this.#rounds, kills: this.#kills, timeMs };
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    for (const timer of this.#timers) clearTimeout(timer);
    const ends = [...this.#alive].map((child) => once(child, "close"));
    for (const child of this.#alive) child.kill("SIGKILL");
    await Promise.all(ends);
  }

  /** Something is done. Kills are counted by that, so that a slow machine gets on too. */
  #count(): void {
    const { killEvery } = this.#campaign;
    if (killEvery === undefined || --this.#untilKill > 0) return;
    this.#untilKill = 1 + this.#random.below(2 * killEvery - 1);
    this.#timers.push(setTimeout(() => this.#killOne(), this.#random.below(killDelayMsMax)));
  }

  #killOne(): void {
    const children = [...this.#alive];
    if (children[this.#random.below(children.length)]?.kill("SIGKILL") === true) this.#kills++;
  }

  /** One builder to the end of its work, in as many processes as it takes. */
  async #build(number: number, random: Random): Promise<void> {
    const { fleet, mirror, registry, expected, base } = this.#foundry;
    const owner = `builder-${number}`;
    const home = join(base, `${this.#campaign.seed}-${owner}`);
    const project = join(home, "project");
    mkdirSync(project, { recursive: true });
    await fleet.writeProject(project, owner);
    const steps = this.#campaign.stepsOf(random, fleet.keys);
    const { store } = this.#campaign;
    const work: BuilderWork = { store, project, home, owner, mirror, registry, steps, expected };
    const file = join(home, "work.json");
    writeFileSync(file, JSON.stringify(work));
    const options = this.#campaign.startOptions?.(number) ?? {};
    let next = 0;
    while (next < steps.length && !this.#isOver) {
      await this.#run("test/crash/builder-child.ts", [file, String(next)], options, (line) => {
        const done = JSON.parse(line) as StepDone;
        next = done.step + 1;
        this.#steps.push(done);
        this.#count();
      });
    }
  }

  /** Where rounds of gc are counted, builders must be at work to the last one. */
  async #neverEnding(working: Promise<unknown>): Promise<never> {
    await working;
    throw new Error("the builders have nothing left to do");
  }

  async #collect(): Promise<void> {
    const { store, gcPauseMs, graceMs = 0, gcRounds = Infinity } = this.#campaign;
    while (!this.#isOver && this.#rounds.length < gcRounds) {
      const left = String(gcRounds - this.#rounds.length);
      await this.#run("test/crash/gc-child.ts", [store, String(gcPauseMs), left, String(graceMs)], {}, (line) => {
        this.#rounds.push(JSON.parse(line) as RoundDone);
        this.#count();
      });
    }
  }

  /** Runs a process to its end, which must be a good one or ours. */
  async #run(
    script: string,
    args: readonly string[],
    options: ChildOptions,
    onLine: (line: string) => void,
  ): Promise<void> {
    const running = startScript(script, args, options);
    this.#alive.add(running.process);
    createInterface({ input: running.process.stdout as NodeJS.ReadableStream }).on("line", onLine);
    const { status, signal, err } = await running.ended;
    this.#alive.delete(running.process);
    if (signal !== "SIGKILL") assert.equal(status, 0, `${script} ${args.at(-1)}\n${err}`);
  }
}
