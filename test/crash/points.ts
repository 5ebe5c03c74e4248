// SPDX-License-Identifier: Apache-2.0
import type { Life } from "./lives.ts";
import type { Places } from "./places.ts";
import {
  type Call,
  failingAt,
  killingAt,
  parseCalls,
  readingCalls,
  runVictim,
  type VictimEnd,
  watching,
  writingCalls,
} from "./traced.ts";
import { verifyAfter } from "./verify.ts";

/** A moment in a life, and what happens then. */
export interface Point {
  readonly life: Life;
  readonly call: Call;
  /** The error that the call ends with; absent: the process is killed before it. */
  readonly error?: string;
  /** All later calls of the same name end so too. */
  readonly stays?: boolean;
}

/** How a point went. */
export interface PointEnd {
  /** The process was not where it should have been: the point proves nothing. */
  readonly isMissed: boolean;
  readonly faults: readonly string[];
}

/** Errors that calls are known to end with. */
const errorsOf: Readonly<Record<string, readonly string[]>> = {
  openat: ["EMFILE", "EACCES", "EIO", "ENOSPC", "EROFS"],
  write: ["ENOSPC", "EIO", "EDQUOT"],
  writev: ["ENOSPC", "EIO", "EDQUOT"],
  pwrite64: ["ENOSPC", "EIO", "EDQUOT"],
  fsync: ["EIO", "ENOSPC", "EDQUOT"],
  fdatasync: ["EIO"],
  ftruncate: ["EIO", "EROFS"],
  rename: ["EIO", "ENOSPC", "EROFS", "EACCES"],
  link: ["EMLINK", "ENOSPC", "EROFS", "EACCES", "EIO"],
  symlink: ["ENOSPC", "EDQUOT", "EROFS", "EACCES"],
  unlink: ["EIO", "EROFS", "EACCES"],
  unlinkat: ["EIO", "EROFS", "EACCES"],
  rmdir: ["EIO", "EROFS"],
  mkdir: ["ENOSPC", "EMLINK", "EROFS", "EACCES", "EDQUOT"],
  chmod: ["EROFS", "EIO"],
  fchmod: ["EROFS", "EIO"],
  fchown: ["EPERM", "EIO"],
  lchown: ["EPERM", "EIO"],
  utimensat: ["EROFS", "EIO"],
  read: ["EIO"],
  pread64: ["EIO"],
  getdents64: ["EIO"],
  statx: ["EIO", "EACCES"],
  readlink: ["EIO"],
};

/** Every call of a life on its directory. */
export async function recordCalls(places: Places, life: Life): Promise<Call[]> {
  // The first run fills Node's cache of compiled modules, and so makes other calls.
  for (const strace of [undefined, ["--seccomp-bpf", ...watching([...writingCalls, ...readingCalls])]]) {
    await places.enter(life.start);
    const { base, cache } = places;
    const end = await runVictim({ base, cache, life: life.name, ...(strace === undefined ? {} : { strace }) });
    if (end.steps.length !== life.steps.length) throw new Error(`life "${life.name}": ${end.err}`);
    if (strace !== undefined) return parseCalls(end.log, base);
  }
  return [];
}

/** A kill before every call that writes. */
export function killPoints(life: Life, calls: readonly Call[]): Point[] {
  const names = new Set<string>(writingCalls);
  return calls.filter(({ name }) => names.has(name)).map((call) => ({ life, call }));
}

/** Every error at every call, and a disk that stays full or broken from then on. */
export function errorPoints(life: Life, calls: readonly Call[]): Point[] {
  const once = calls.flatMap((call) => (errorsOf[call.name] ?? []).map((error) => ({ life, call, error })));
  const stays = calls.filter(({ name }) => /^(pwrite64|fsync)$/.test(name));
  return [
    ...once,
    ...stays.flatMap((call) => ["ENOSPC", "EIO"].map((error) => ({ life, call, error, stays: true }))),
  ];
}

/** Runs a life up to a point and proves what is left. */
export async function runPoint(places: Places, point: Point): Promise<PointEnd> {
  const { life, call, error, stays } = point;
  const expected = await places.expected(life);
  await places.enter(life.start);
  const { base, cache } = places;
  const strace = error === undefined ? killingAt(call) : failingAt(call, error, stays);
  const end = await runVictim({ base, cache, life: life.name, strace });
  const isMissed = !wasHit(end, base, error);
  const faults = [
    ...(error === undefined || isMissed ? [] : rudeness(end)),
    ...(await verifyAfter(base, life, { end, expected, passesOver: error !== undefined })),
  ];
  return { isMissed, faults: faults.map((fault) => `${show(point)}: ${fault}`) };
}

export function show({ life, call, error, stays }: Point): string {
  const what = error === undefined ? "killed before" : `${error}${stays === true ? " from then on" : ""} at`;
  return `${life.name}, ${what} ${call.name} ${call.count}: ${call.text.slice(0, 160)}`;
}

/** An error must be told as one of ours: by a code and a sentence, not by a stack, a signal or silence. */
function rudeness(end: VictimEnd): string[] {
  if (end.isHung) return ["the process hung"];
  if (end.status !== 0) return [`the process ended with ${end.status ?? end.signal}: ${end.err.slice(0, 2000)}`];
  const failed = end.steps.find(({ status }) => status !== 0);
  if (failed === undefined) return [];
  if (/^error\[(?!INTERNAL)[A-Z_]+\]: Cannot .+/m.test(failed.err)) return [];
  return [`an error is told as ${failed.err.slice(0, 2000)}`];
}

function wasHit({ log, signal, steps }: VictimEnd, base: string, error: string | undefined): boolean {
  const lines = log.split("\n");
  if (error === undefined) {
    return signal === "SIGKILL" && (lines.findLast((line) => /^\d+ +\w+\(/.test(line)) ?? "").includes(`${base}/`);
  }
  const first = lines.find((line) => line.includes("(INJECTED)"));
  return first !== undefined && first.includes(`${base}/`) && steps.length > 0;
}
