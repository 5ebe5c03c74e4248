// SPDX-License-Identifier: Apache-2.0
import { change, damage, keepRoot, lock, makeOlder, removeStore, repair } from "./own-steps.ts";
import type { Step } from "./run-step.ts";

/** What a store goes through in one process. */
export interface Life {
  readonly name: string;
  /** The prepared directory that it starts from. */
  readonly start: keyof typeof starts;
  /** Each may be run again, whatever became of it the first time. */
  readonly steps: readonly Step[];
}

const build: Step = ["build", "project", "--frozen", "--workers=1", "--output=oci:out"];
const buildOther: Step = ["build", "other", "--frozen", "--workers=1"];

/** Prepared directories: each is an earlier one after some steps. */
export const starts = {
  project: { from: undefined, steps: [] },
  locked: { from: "project", steps: [lock, removeStore] },
  built: { from: "locked", steps: [build] },
  several: { from: "built", steps: [change, build, buildOther] },
  checkedOut: { from: "several", steps: [["checkout", "crash/other", "linked", "--update"]] },
  damaged: { from: "checkedOut", steps: [damage] },
  older: { from: "built", steps: [makeOlder] },
  elsewhere: { from: "built", steps: [removeStore] },
} as const satisfies Readonly<Record<string, { readonly from: string | undefined; readonly steps: readonly Step[] }>>;

export const lives: readonly Life[] = [
  { name: "lock", start: "project", steps: [lock] },
  { name: "build", start: "locked", steps: [build] },
  { name: "threads", start: "locked", steps: [["build", "project", "--frozen", "--workers=2", "--output=oci:out"]] },
  { name: "rebuild", start: "built", steps: [change, build, buildOther] },
  {
    name: "checkout",
    start: "several",
    steps: [
      ["checkout", "crash/other", "linked", "--update"],
      ["checkout", "crash/small", "linked", "--update"],
      ["checkout", "crash/other", "copied", "--copy", "--update"],
      keepRoot,
    ],
  },
  { name: "gc", start: "checkedOut", steps: [["store", "gc", "--prune", "--grace=0"], ["store", "gc", "--grace=0"]] },
  {
    name: "import",
    start: "elsewhere",
    steps: [
      ["import", "oci:out", "--name=kept"],
      ["import", "oci:out", "--name=files", "--drop-blobs"],
    ],
  },
  {
    name: "adopt",
    start: "built",
    steps: [
      ["store", "adopt", "project"],
      ["store", "adopt", "archive", "project"],
      ["store", "adopt", "--list"],
    ],
  },
  { name: "repair", start: "damaged", steps: [repair, build] },
  { name: "migrate", start: "older", steps: [["store", "stats"], build] },
];
