// SPDX-License-Identifier: Apache-2.0
import type { Clause, Problem } from "./clauses.ts";

/** A clause at work; learned ones remember what they follow from. */
interface Rule {
  readonly literals: number[];
  readonly clause: Clause | undefined;
  readonly from: readonly Rule[];
}

export type SearchResult =
  | { readonly kind: "found"; /** Version numbers, sorted. */ readonly chosen: readonly number[] }
  /** The clauses that contradict each other. */
  | { readonly kind: "impossible"; readonly core: readonly Clause[] };

/**
 * Finds an assignment of the problem or proves that there is none: conflict-driven clause learning
 * (Marques-Silva and Sakallah, GRASP, 1996) with two watched literals. Decisions follow the goals in order,
 * best alternative first, and nothing is chosen that no goal asks for. The same problem gives the same result.
 */
export function search(problem: Problem): SearchResult {
  return new Search(problem).run();
}

class Search {
  readonly #problem: Problem;
  /** 1 chosen, -1 not chosen, 0 open; by version number. */
  readonly #value: Int8Array;
  readonly #level: Int32Array;
  readonly #why: (Rule | undefined)[];
  readonly #trail: number[] = [];
  /** Where in the trail each decision level begins. */
  readonly #levelStart: number[] = [];
  readonly #watchers = new Map<number, Rule[]>();
  #propagated = 0;

  constructor(problem: Problem) {
    const size = problem.versions.length + 1;
    this.#problem = problem;
    this.#value = new Int8Array(size);
    this.#level = new Int32Array(size);
    this.#why = new Array<Rule | undefined>(size).fill(undefined);
  }

  run(): SearchResult {
    for (const clause of this.#problem.clauses) {
      const failed = this.#add({ literals: [...new Set(clause.literals)], clause, from: [] });
      if (failed !== undefined) return this.#impossible(failed);
    }
    for (;;) {
      const conflict = this.#propagate();
      if (conflict !== undefined) {
        if (this.#levelStart.length === 0) return this.#impossible(conflict);
        this.#learn(conflict);
        continue;
      }
      const decision = this.#nextGoal();
      if (decision === undefined) return { kind: "found", chosen: this.#chosen() };
      this.#levelStart.push(this.#trail.length);
      this.#assign(decision, undefined);
    }
  }

  #chosen(): number[] {
    return this.#trail.filter((literal) => literal > 0).sort((a, b) => a - b);
  }

  /** Takes up a clause before the first decision; returns the rule that cannot hold. */
  #add(rule: Rule): Rule | undefined {
    const [first, second] = rule.literals;
    if (first === undefined) return rule;
    if (second === undefined) {
      if (this.#truth(first) < 0) return rule;
      if (this.#truth(first) === 0) this.#assign(first, rule);
      return undefined;
    }
    if (rule.literals.includes(-first)) return undefined; // a package that satisfies its own relation
    this.#watch(first, rule);
    this.#watch(second, rule);
    // units taken up before may have decided what is watched: look at the rule once
    return this.#settle(rule);
  }

  #settle(rule: Rule): Rule | undefined {
    const open = rule.literals.filter((literal) => this.#truth(literal) === 0);
    if (open.length > 1 || rule.literals.some((literal) => this.#truth(literal) > 0)) return undefined;
    if (open[0] === undefined) return rule;
    this.#assign(open[0], rule);
    return undefined;
  }

  #watch(literal: number, rule: Rule): void {
    const list = this.#watchers.get(literal);
    if (list === undefined) this.#watchers.set(literal, [rule]);
    else list.push(rule);
  }

  #truth(literal: number): number {
    const value = this.#value[Math.abs(literal)] as number;
    return literal > 0 ? value : -value;
  }

  #assign(literal: number, why: Rule | undefined): void {
    const version = Math.abs(literal);
    this.#value[version] = literal > 0 ? 1 : -1;
    this.#level[version] = this.#levelStart.length;
    this.#why[version] = why;
    this.#trail.push(literal);
  }

  #propagate(): Rule | undefined {
    while (this.#propagated < this.#trail.length) {
      const fallen = -(this.#trail[this.#propagated++] as number);
      const conflict = this.#visit(fallen);
      if (conflict !== undefined) return conflict;
    }
    return undefined;
  }

  /** Looks at every rule that watches a literal which has become false. */
  #visit(fallen: number): Rule | undefined {
    const rules = this.#watchers.get(fallen);
    if (rules === undefined) return undefined;
    const staying: Rule[] = [];
    let conflict: Rule | undefined;
    for (const rule of rules) {
      if (conflict !== undefined || !this.#moveWatch(rule, fallen)) staying.push(rule);
      else continue;
      if (conflict !== undefined) continue;
      const other = rule.literals[0] as number;
      const truth = this.#truth(other);
      if (truth < 0) conflict = rule;
      else if (truth === 0) this.#assign(other, rule);
    }
    this.#watchers.set(fallen, staying);
    return conflict;
  }

  /** Watches another literal instead; the one that stays watched is moved to the front. */
  #moveWatch(rule: Rule, fallen: number): boolean {
    const { literals } = rule;
    if (literals[0] === fallen) swap(literals, 0, 1);
    if (this.#truth(literals[0] as number) > 0) return false;
    for (let at = 2; at < literals.length; at++) {
      if (this.#truth(literals[at] as number) < 0) continue;
      swap(literals, 1, at);
      this.#watch(literals[1] as number, rule);
      return true;
    }
    return false;
  }

  /** The best open alternative of the first goal that is not served. */
  #nextGoal(): number | undefined {
    for (const goal of this.#problem.rootGoals) {
      const choice = this.#choiceFor(goal);
      if (choice !== undefined) return choice;
    }
    for (const literal of this.#trail) {
      if (literal < 0) continue;
      for (const goal of this.#problem.goals.get(literal) ?? []) {
        const choice = this.#choiceFor(goal);
        if (choice !== undefined) return choice;
      }
    }
    return undefined;
  }

  #choiceFor(goal: readonly number[]): number | undefined {
    if (goal.some((literal) => this.#truth(literal) > 0)) return undefined;
    return goal.find((literal) => this.#truth(literal) === 0);
  }

  /** Learns the first unique implication point of a conflict and goes back to where it decides something. */
  #learn(conflict: Rule): void {
    const { literals, from } = this.#analyse(conflict);
    const rule: Rule = { literals, clause: undefined, from };
    const back = literals.length === 1 ? 0 : (this.#level[Math.abs(literals[1] as number)] as number);
    this.#backTo(back);
    if (literals.length > 1) for (const literal of literals.slice(0, 2)) this.#watch(literal, rule);
    this.#assign(literals[0] as number, rule);
  }

  #analyse(conflict: Rule): { literals: number[]; from: Rule[] } {
    const current = this.#levelStart.length;
    const seen = new Set<number>();
    const kept: number[] = [];
    const from: Rule[] = [];
    let open = 0;
    let at = this.#trail.length;
    let rule: Rule | undefined = conflict;
    for (;;) {
      if (rule !== undefined) {
        from.push(rule);
        for (const literal of rule.literals) {
          const version = Math.abs(literal);
          if (this.#truth(literal) > 0 || seen.has(version)) continue;
          seen.add(version);
          const level = this.#level[version] as number;
          if (level === current) open++;
          else kept.push(literal);
        }
      }
      let literal: number;
      do literal = this.#trail[--at] as number;
      while (!seen.has(Math.abs(literal)));
      open--;
      if (open > 0) {
        rule = this.#why[Math.abs(literal)];
        continue;
      }
      return { literals: [-literal, ...this.#deepestFirst(kept)], from };
    }
  }

  #deepestFirst(literals: readonly number[]): number[] {
    const level = (literal: number): number => this.#level[Math.abs(literal)] as number;
    return [...literals].sort((a, b) => level(b) - level(a));
  }

  #backTo(level: number): void {
    const start = this.#levelStart[level] as number;
    for (const literal of this.#trail.splice(start)) {
      this.#value[Math.abs(literal)] = 0;
      this.#why[Math.abs(literal)] = undefined;
    }
    this.#levelStart.length = level;
    this.#propagated = start;
  }

  /** Collects the clauses behind a conflict that no decision took part in. */
  #impossible(conflict: Rule): SearchResult {
    const core = new Set<Clause>();
    const seen = new Set<Rule>();
    const open: Rule[] = [conflict];
    for (let rule = open.pop(); rule !== undefined; rule = open.pop()) {
      if (seen.has(rule)) continue;
      seen.add(rule);
      if (rule.clause !== undefined) core.add(rule.clause);
      open.push(...rule.from);
      for (const literal of rule.literals) {
        const why = this.#why[Math.abs(literal)];
        if (why !== undefined) open.push(why);
      }
    }
    return { kind: "impossible", core: this.#problem.clauses.filter((clause) => core.has(clause)) };
  }
}

function swap(list: number[], a: number, b: number): void {
  const kept = list[a] as number;
  list[a] = list[b] as number;
  list[b] = kept;
}
