// SPDX-License-Identifier: Apache-2.0
/** What a builder does, in this order; a builder that was killed begins again at the step it was at. */
export type Step = readonly ["build" | "checkout" | "pull" | "forget", key: string];

/** What `builder-child.ts` is told, in a file of JSON. */
export interface BuilderWork {
  readonly store: string;
  /** Its own project, and its directory for everything else. */
  readonly project: string;
  readonly home: string;
  /** Its images are called `registry.example/OWNER/KEY`. */
  readonly owner: string;
  readonly mirror: string;
  /** `HOST:PORT` of a registry that has the images as `fleet/KEY`. */
  readonly registry: string;
  readonly steps: readonly Step[];
  readonly expected: Readonly<Record<string, Expected>>;
}

/** What an image must be, whoever builds it. */
export interface Expected {
  readonly digest: string;
  /** Of the lines that `describeDisk` gives of its root. */
  readonly root: string;
}

/** A line that a builder prints when a step is done. */
export interface StepDone {
  readonly step: number;
  readonly timeMs: number;
  /** How long it had to wait before it could use the store. */
  readonly waitMs: number;
}

/** A line that `gc-child.ts` prints when a round is done; its time is that of waiting for builders too. */
export interface RoundDone {
  readonly timeMs: number;
  readonly removedContents: number;
}
