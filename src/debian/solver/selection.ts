// SPDX-License-Identifier: Apache-2.0
import type { Clash, Need, Node, Target, Universe, Version } from "./universe.ts";

/** Where a package stands while the greedy pass runs. */
interface State {
  install: Version | undefined;
  candidate: Version | undefined;
  /** Only the same mode may be set again (a request of the user, or what it needs without a choice). */
  isProtected: boolean;
  isAuto: boolean;
  /** What `install` and `candidate` were from which step on, oldest first. */
  readonly history: Moment[];
}

interface Moment {
  readonly since: number;
  readonly install: Version | undefined;
  readonly candidate: Version | undefined;
}

type Which = "install" | "candidate";

/**
 * What is chosen so far. Relations are judged by what was true when one of their targets last announced a
 * change, because apt keeps such judgements and does not renew them where it drops a candidate; its later
 * choices depend on that.
 */
export class Selection {
  readonly universe: Universe;
  readonly #candidateOf: (node: Node) => Version | undefined;
  readonly #states = new Map<Node, State>();
  readonly #announced = new Map<Node, number>();
  #step = 0;

  constructor(universe: Universe, candidateOf: (node: Node) => Version | undefined) {
    this.universe = universe;
    this.#candidateOf = candidateOf;
  }

  state(node: Node): Readonly<State> {
    return this.#state(node);
  }

  #state(node: Node): State {
    let state = this.#states.get(node);
    if (state === undefined) {
      const candidate = this.#candidateOf(node);
      const history = [{ since: 0, install: undefined, candidate }];
      state = { install: undefined, candidate, isProtected: false, isAuto: true, history };
      this.#states.set(node, state);
    }
    return state;
  }

  /** Everything marked for installation, in the order in which it was first looked at. */
  installed(): Version[] {
    const out: Version[] = [];
    for (const state of this.#states.values()) if (state.install !== undefined) out.push(state.install);
    return out;
  }

  isInstalled(version: Version): boolean {
    return this.#state(version.node).install === version;
  }

  /** Starts from a package that is there already and stays. */
  preset(version: Version): void {
    const history = [{ since: 0, install: version, candidate: version }];
    const state = { install: version, candidate: version, isProtected: true, isAuto: true, history };
    this.#states.set(version.node, state);
  }

  protect(node: Node, isProtected: boolean): void {
    this.#state(node).isProtected = isProtected;
  }

  install(node: Node, isAuto: boolean): void {
    const state = this.#state(node);
    if (state.isProtected && state.install !== undefined && state.install === state.candidate) return;
    state.install = state.candidate;
    state.isAuto = isAuto;
    this.#remember(state);
    this.#announce(node, state.candidate);
  }

  keep(node: Node): void {
    const state = this.#state(node);
    state.install = undefined;
    this.#remember(state);
    this.#announce(node, state.candidate);
  }

  setCandidate(node: Node, version: Version): void {
    const state = this.#state(node);
    if (state.candidate === version) return;
    state.candidate = version;
    this.#remember(state);
    this.#announce(node, version);
  }

  /** Gives up on a package, silently: see the class comment. */
  discardCandidate(node: Node): void {
    const state = this.#state(node);
    state.candidate = state.install;
    this.#remember(state);
  }

  /** Unmarks a package and gives up on it, silently too. */
  giveUp(node: Node): void {
    const state = this.#state(node);
    state.candidate = undefined;
    this.#remember(state);
  }

  #remember(state: State): void {
    this.#step++;
    state.history.push({ since: this.#step, install: state.install, candidate: state.candidate });
  }

  #announce(node: Node, candidate: Version | undefined): void {
    this.#announced.set(node, this.#step);
    if (candidate === undefined) return;
    for (const provided of this.universe.providedNodes(candidate)) this.#announced.set(provided, this.#step);
  }

  /** Whether a positive relation holds, as it was judged last. */
  isMet(target: Target, which: Which): boolean {
    return this.#hits(target, which, false);
  }

  isNeedMet(need: Need, which: Which): boolean {
    return need.targets.some((target) => this.#hits(target, which, false));
  }

  isClashing(clash: Clash, which: Which): boolean {
    return this.#hits(clash.target, which, true);
  }

  #hits(target: Target, which: Which, negative: boolean): boolean {
    const step = this.#announced.get(target.node) ?? 0;
    for (const version of this.universe.satisfiers(target, negative)) {
      if (this.#at(version.node, step)[which] === version) return true;
    }
    return false;
  }

  #at(node: Node, step: number): Moment {
    const { history } = this.#state(node);
    let at = history.length - 1;
    while (at > 0 && (history[at] as Moment).since > step) at--;
    return history[at] as Moment;
  }

  /** Whether a package is marked for installation and something it needs is missing or excluded. */
  isBroken(node: Node): boolean {
    const { install } = this.#state(node);
    return install !== undefined && this.isVersionBroken(install);
  }

  isVersionBroken(version: Version): boolean {
    const { universe } = this;
    return (
      universe.needs(version).some((need) => !this.isNeedMet(need, "install")) ||
      universe.clashes(version).some((clash) => this.isClashing(clash, "install"))
    );
  }
}
