// SPDX-License-Identifier: Apache-2.0
import { type InstallationSecret, readOwnedTree } from "../src/assemble/index.ts";
import { AshlarError, isAshlarError, type Progress } from "../src/base/index.ts";
import { installGroups } from "../src/build/install-groups.ts";
import type { InstallContext, InstalledStage } from "../src/build/installed-root.ts";
import type { RecordedPackage } from "../src/build/stage.ts";
import type { Entry } from "../src/formats/index.ts";
import type { Sandbox, SandboxCircumstances } from "../src/sandbox/index.ts";
import type { Store } from "../src/store/index.ts";
import { platform, type SurveyPlace } from "./survey-place.ts";

/** What became of one package. */
export interface SurveyResult {
  readonly package: string;
  readonly version: string;
  /** How many packages came along, the base not counted. */
  readonly packages: number;
  readonly outcome: "same" | "differs" | "failed";
  /** Of the tree. */
  readonly digest?: string;
  readonly differences?: readonly TreeDifference[];
  readonly error?: { readonly code: string; readonly message: string; readonly because: readonly string[] };
  readonly secrets: readonly InstallationSecret[];
  /** How many paths each rule changed beside the base's. */
  readonly rules: Readonly<Record<string, number>>;
  readonly seconds: number;
}

export interface TreeDifference {
  readonly path: string;
  /** "first only", "second only", or the fields that differ. */
  readonly what: string;
  /** Around the first differing byte, of both runs. */
  readonly first?: string;
  readonly second?: string;
}

/** What the second run has otherwise than the first. */
const others: SandboxCircumstances = {
  hostName: "survey-other",
  cpus: 1,
  clockSeconds: 400 * 86_400,
  directoryOrder: "reversed",
};

const step = { platform, below: undefined, strip: [], only: {}, answers: {} };

/** Installs a package alone on the remembered base, twice, and compares the two roots. */
export async function surveyPackage(
  name: string,
  { place, sandbox }: { readonly place: SurveyPlace; readonly sandbox: () => Sandbox },
): Promise<SurveyResult> {
  const started = performance.now();
  const { store, storeDir } = place;
  const log: string[] = [];
  const progress = silentProgress(log);
  const version = place.versionOf(name) ?? "";
  const about = { package: name, version, secrets: [], rules: {}, packages: 0 };
  const seconds = (): number => Math.round((performance.now() - started) / 10) / 100;
  try {
    const fault = place.impossible.get(name);
    if (fault !== undefined) throw fault;
    const all = await place.recorded(name, progress);
    const context: InstallContext = { store, storeDir, sandbox: () => Promise.resolve(sandbox()), progress };
    const [first, rest] = split(all);
    const [base] = (await installGroups(context, { ...step, base: first, others: [] })) as [InstalledStage];
    const again = async (varied?: SandboxCircumstances): Promise<InstalledStage> => {
      const below = { stage: base, packages: first };
      const place = { ...context, again: true, circumstances: varied };
      return (await installGroups(place, { ...step, below, base: [], others: rest })).at(-1) ?? base;
    };
    const [one, two] = [await again(), await again(others)];
    const differences = compareStages(store, one, two);
    const facts = { ...about, packages: rest.length, secrets: one.secrets, rules: rulesOf(one, base) };
    const outcome = differences.length === 0 ? "same" : "differs";
    return { ...facts, outcome, digest: one.flat, ...(differences.length > 0 && { differences }), seconds: seconds() };
  } catch (error) {
    return { ...about, outcome: "failed", error: describe(error, log), seconds: seconds() };
  }
}

function split(all: readonly RecordedPackage[]): [readonly RecordedPackage[], readonly RecordedPackage[]] {
  const wanted = all.filter(({ locked }) => locked.use === "install");
  return [
    wanted.filter(({ locked }) => locked.phase === "base"),
    wanted.filter(({ locked }) => locked.phase !== "base"),
  ];
}

function rulesOf(stage: InstalledStage, base: InstalledStage): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { rule } of stage.applied.slice(base.applied.length)) counts[rule] = (counts[rule] ?? 0) + 1;
  return counts;
}

function describe(error: unknown, log: readonly string[]): NonNullable<SurveyResult["error"]> {
  if (!isAshlarError(error)) return { code: "INTERNAL", message: String(error), because: stackOf(error) };
  const { code, message, because } = error as AshlarError;
  return { code, message, because: because.length > 1 ? because : [...because, ...log.slice(-20)] };
}

function stackOf(error: unknown): readonly string[] {
  return error instanceof Error ? (error.stack ?? "").split("\n").slice(1, 6) : [];
}

function compareStages(store: Store, one: InstalledStage, two: InstalledStage): readonly TreeDifference[] {
  if (one.flat === two.flat && one.owners === two.owners) return [];
  const [before, after] = [one, two].map((stage) => {
    const { tree, owners } = readOwnedTree(store, stage);
    return new Map(tree.map((entry) => [entry.path as string, { entry, owner: owners.get(entry.path) ?? "" }]));
  }) as [Map<string, Owned>, Map<string, Owned>];
  const paths = [...new Set([...before.keys(), ...after.keys()])].sort();
  return paths.flatMap((path) => differenceAt(path, before.get(path), after.get(path), store));
}

interface Owned {
  readonly entry: Entry;
  readonly owner: string;
}

function differenceAt(
  path: string,
  one: Owned | undefined,
  two: Owned | undefined,
  store: Store,
): readonly TreeDifference[] {
  if (one === undefined || two === undefined) return [{ path, what: one === undefined ? "second only" : "first only" }];
  const [a, b] = [
    { ...one.entry, owner: one.owner },
    { ...two.entry, owner: two.owner },
  ] as const;
  const keys = [...new Set([...Object.keys(a), ...Object.keys(b)])];
  const what = keys.filter((key) => JSON.stringify(Reflect.get(a, key)) !== JSON.stringify(Reflect.get(b, key)));
  if (what.length === 0) return [];
  if (!what.includes("content") || a.type !== "file" || b.type !== "file") return [{ path, what: what.join(", ") }];
  return [{ path, what: what.join(", "), ...around(store.read(a.content), store.read(b.content)) }];
}

/** The surroundings of the first differing byte. */
function around(one: Uint8Array, two: Uint8Array): Pick<TreeDifference, "first" | "second"> {
  let at = 0;
  while (at < one.length && at < two.length && one[at] === two[at]) at++;
  const show = (bytes: Uint8Array): string =>
    `${at}: ${JSON.stringify(Buffer.from(bytes.subarray(Math.max(0, at - 40), at + 60)).toString("latin1"))}`;
  return { first: show(one), second: show(two) };
}

function silentProgress(log: string[]): Progress {
  const nothing = (): void => undefined;
  return {
    start: () => ({ advance: nothing, done: nothing }),
    note: nothing,
    warn: (text) => void log.push(text),
    log: (_from, line) => void log.push(line),
  };
}
