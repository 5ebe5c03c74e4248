// SPDX-License-Identifier: Apache-2.0
import { AshlarError, type Json, type ProgressStep } from "../../base/index.ts";
import { pruneSuperseded } from "../../build/index.ts";
import type { GcAmount, GcKind, GcPhase, GcReport } from "../../store/index.ts";
import { openToMakeRoom } from "../open-store.ts";
import { preferMemory } from "../prefer-memory.ts";
import { makeProgress } from "../progress.ts";
import type { GlobalOptions, Outcome, Shell } from "../shell.ts";
import { showBytes, showTable } from "../show.ts";

interface GcOptions extends GlobalOptions {
  readonly dryRun?: boolean;
  readonly prune?: boolean;
  readonly purge?: boolean;
  readonly grace?: string;
  readonly why?: boolean;
}

/** How long gc waits for builds that are running. */
const gcWaitMs = 60_000;
const graceDefault = "1h";

/** `ashlar store gc` */
export async function gc(shell: Shell, options: GcOptions): Promise<Outcome> {
  const ms = parseDuration(options.grace ?? graceDefault);
  preferMemory();
  const store = await openToMakeRoom(shell, options);
  const phases = showPhases(shell, options);
  try {
    const forgotten = options.prune && !options.dryRun ? pruneSuperseded(store) : 0;
    const report = store.gc({
      dryRun: options.dryRun === true,
      purge: options.purge === true,
      waitMs: gcWaitMs,
      grace: ms === 0 ? undefined : { ms, nowMs: shell.nowSeconds * 1000 },
      onPhase: phases.begin,
      onRef: phases.onRef,
    });
    phases.end();
    const { removedContents, removedDownloads, removedPacks, freedBytes } = report;
    const verb = options.dryRun ? "would free" : "freed";
    const what = `${removedContents} contents, ${removedPacks} packs, ${removedDownloads} downloads`;
    return {
      text: `${options.why ? explain(report, options) : ""}${verb} ${showBytes(freedBytes)}: ${what}\n`,
      json: { ...report, forgotten } as unknown as Json,
    };
  } finally {
    store.close();
  }
}

/** Milliseconds of `90s`, `15m`, `1h`, `14d`, or `0`. Throws `USAGE_DURATION`. */
export function parseDuration(text: string): number {
  const [, digits, unit = "s"] = /^(\d{1,6})([smhd])?$/.exec(text) ?? [];
  if (digits === undefined || (unit === "s" && !text.endsWith("s") && text !== "0")) {
    throw new AshlarError("USAGE_DURATION", `Cannot use duration "${text}": want a number of s, m, h or d, as in 90m`);
  }
  return Number(digits) * { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }[unit as "s" | "m" | "h" | "d"];
}

const phaseNames: Readonly<Record<GcPhase, string>> = {
  mark: "find what is needed",
  copy: "copy it out of packs that go",
  wait: "wait for builds",
  sweep: "take the rest out of the index",
  clean: "remove files",
};

interface ShownPhases {
  begin(phase: GcPhase): void;
  onRef(followed: number, refs: number): void;
  end(): void;
}

function showPhases(shell: Shell, options: GlobalOptions): ShownPhases {
  const progress = makeProgress(shell, options);
  let step: ProgressStep | undefined;
  const end = (): void => {
    step?.done();
    step = undefined;
  };
  return {
    begin(phase) {
      end();
      // That one begins when it is known how much it is.
      if (phase !== "mark") step = progress.start(phaseNames[phase]);
    },
    onRef(followed, refs) {
      if (followed === 0) step = progress.start(phaseNames.mark, refs, "items");
      else step?.advance(1);
    },
    end,
  };
}

const reasons: Readonly<Record<GcKind, string>> = {
  contents: "no name reaches them, and they are older than the grace",
  packs: "none of their contents is kept",
  actions: "what they gave is not kept",
  links: "their content is not kept, or no checkout has them",
  plans: "their tree is not kept",
  checkouts: "the directory is gone",
  downloads: "their contents are in packs; older than the grace",
  roots: "made again when needed",
  quarantine: "damaged, and set aside for two weeks or more",
  tmp: "left by processes that are gone",
};

function explain({ removed, kept, rewrittenPacks }: GcReport, options: GcOptions): string {
  const { grace = graceDefault, dryRun, purge } = options;
  const row = (what: string, { count, bytes }: GcAmount, why: string): (string | number)[] =>
    [what, count, showBytes(bytes), why];
  const reasonOf = (kind: GcKind): string => (purge && kind === "quarantine" ? "damaged" : reasons[kind]);
  const gone = (Object.keys(reasons) as GcKind[]).map((kind) => row(kind, removed[kind], reasonOf(kind)));
  const names = kept.refs === 1 ? "1 name reaches them" : `${kept.refs} names reach them`;
  const verb = dryRun ? "would go" : "went";
  return showTable([
    [verb, "count", "bytes", "because"],
    ...gone.filter(([, count]) => count !== 0),
    ["rewritten packs", rewrittenPacks, "", "less than half of them is kept"],
    [""],
    ["stay", "count", "bytes", "because"],
    row("contents", kept.byRefs, names),
    row("contents", kept.byGrace, `younger than the grace of ${grace}, or needed by what is`),
  ]);
}
