// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { type Life, lives, starts } from "./lives.ts";
import { runStep } from "./run-step.ts";
import { writeProjects } from "./small-project.ts";
import { type Facts, readFacts } from "./facts.ts";

type StartName = Life["start"];

/** Prepared directories, and the one that everything runs in. */
export class Places {
  readonly dir = realpathSync(mkdtempSync(join(tmpdir(), "ashlar-crash-")));
  /** Always the same path: it is part of what some files hold. */
  readonly base = join(this.dir, "run");
  readonly cache = join(this.dir, "cache");
  readonly #made = new Set<StartName>();
  readonly #expected = new Map<string, readonly Facts[]>();

  constructor() {
    mkdirSync(this.cache);
  }

  /** Puts a fresh copy of a prepared directory at `base`. */
  async enter(start: StartName): Promise<void> {
    if (!this.#made.has(start)) await this.#make(start);
    this.#copy(this.#pathOf(start), this.base);
  }

  /** What is there at the beginning of a life, and after each of its steps when nothing goes wrong. */
  async expected(life: Life): Promise<readonly Facts[]> {
    const known = this.#expected.get(life.name);
    if (known !== undefined) return known;
    await this.enter(life.start);
    const facts = [await readFacts(this.base)];
    for (const step of life.steps) {
      const ended = await runStep(this.base, step);
      if (ended.status !== 0) throw new Error(`life "${life.name}": ${ended.err}`);
      facts.push(await readFacts(this.base));
    }
    this.#expected.set(life.name, facts);
    return facts;
  }

  remove(): void {
    rmSync(this.dir, { recursive: true, force: true });
  }

  #pathOf(start: StartName): string {
    return join(this.dir, `start-${start}`);
  }

  async #make(start: StartName): Promise<void> {
    const { from, steps } = starts[start];
    if (from === undefined) {
      rmSync(this.base, { recursive: true, force: true });
      await writeProjects(this.base);
    } else {
      await this.enter(from);
    }
    for (const step of steps) {
      const ended = await runStep(this.base, step);
      if (ended.status !== 0) throw new Error(`start "${start}": ${ended.err}`);
    }
    this.#copy(this.base, this.#pathOf(start));
    this.#made.add(start);
  }

  /** With hard links and times, which belong to what is prepared. */
  #copy(from: string, to: string): void {
    rmSync(to, { recursive: true, force: true });
    execFileSync("cp", ["-a", "--", from, to]);
  }
}

export function lifeOf(name: string): Life {
  const life = lives.find((one) => one.name === name);
  if (life === undefined) throw new Error(`there is no life "${name}"`);
  return life;
}
