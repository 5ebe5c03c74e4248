// SPDX-License-Identifier: Apache-2.0
import { resolve } from "node:path";

import { unpackAction } from "../../assemble/index.ts";
import { AshlarError, type Digest, type Json, type Progress } from "../../base/index.ts";
import { findProject, loadSpec, type PackageStep, type Project, unpackAgain, unpackHere } from "../../build/index.ts";
import { checkLock, type Lock, type LockedPackage, packagesOf, withUnpacked } from "../../lock/index.ts";
import { claimOf, publishPackages, type PublishReport, verifyClaims } from "../../mirror/index.ts";
import { formatReference, type Reference } from "../../oci/index.ts";
import type { Document } from "../../spec/index.ts";
import type { Store } from "../../store/index.ts";
import { interruptible } from "../interruption.ts";
import { readLock, writeLock } from "../lock-file.ts";
import { openForWriting } from "../open-store.ts";
import { fetchDebs } from "../package-sources.ts";
import { parseParallel, parseParameters } from "../parameters.ts";
import { makeProgress } from "../progress.ts";
import { insecureRegistry, openRemotePlace, requireRepository } from "../remote-place.ts";
import { type GlobalOptions, type Outcome, type Shell, storeDirOf } from "../shell.ts";
import { takeLease } from "../take-lease.ts";
import { showBytes } from "../show.ts";
import { workersOf } from "./build.ts";

export interface MirrorOptions extends GlobalOptions {
  readonly check?: boolean;
  readonly set?: readonly string[];
  readonly offline?: boolean;
  readonly workers?: string;
  readonly parallel?: string;
  readonly insecure?: boolean;
}

interface Run {
  readonly shell: Shell;
  readonly options: MirrorOptions;
  readonly project: Project;
  readonly document: Document;
  readonly lock: Lock;
  readonly store: Store;
  readonly progress: Progress;
}

/** `ashlar mirror [SPEC] REPOSITORY`, and `ashlar mirror --check [SPEC]`; with one place alone it is the latter. */
export async function mirror(
  shell: Shell,
  [first, second]: readonly [string | undefined, string | undefined],
  options: MirrorOptions,
): Promise<Outcome> {
  const [spec, place] = options.check === true || second !== undefined ? [first, second] : [undefined, first];
  if ((place === undefined) === (options.check !== true)) throw usage(options);
  const target = place === undefined ? undefined : requireRepository(place, "the command line");
  const project = findProject(resolve(shell.cwd, spec ?? "."), spec ?? ".");
  const store = await openForWriting(shell, options);
  const progress = makeProgress(shell, options);
  const lease = await takeLease(store, { say: progress.note });
  try {
    const { document } = await loadSpec(project, parseParameters(options.set), store);
    const lock = readLock(project);
    checkLock(document, lock, project.lockName);
    const run: Run = { shell, options, project, document, lock, store, progress };
    return target === undefined ? await check(run) : await publish(run, target);
  } finally {
    lease.release();
    store.close();
  }
}

function usage({ check: isCheck }: MirrorOptions): AshlarError {
  const state = isCheck === true ? "--check takes only a spec" : "it names no repository";
  return new AshlarError("USAGE_MIRROR", `Cannot mirror packages: ${state}`, {
    hint: "ashlar mirror [SPEC] HOST/NAME, or ashlar mirror --check [SPEC]",
  });
}

function unpacking(run: Run): Omit<PackageStep, "fetchUnpacked"> {
  const { shell, options, store, progress } = run;
  const places = { store, storeDir: storeDirOf(shell, options), progress };
  return { ...places, workers: workersOf(options), fetch: (packages) => fetchDebs(run, packages) };
}

/** Sends what the repository has not; only then the lock says where a package's files lead. */
async function publish(run: Run, target: Reference): Promise<Outcome> {
  const { lock, project, progress } = run;
  const packages = packagesOf(lock);
  const records = await unpackHere(packages, unpacking(run));
  const recordOf = ({ digest }: LockedPackage): Digest => records.get(digest) as Digest;
  const wrong = packages.filter((locked) => (claimOf(locked) ?? recordOf(locked)) !== recordOf(locked));
  for (const { name, version } of wrong) progress.warn(`the lock was wrong about what ${name} ${version} unpacks to`);
  const sent = await send(run, target, packages.map((locked) => ({ locked, record: recordOf(locked) })));
  const unpacked = packages.map((locked) => {
    return [locked.digest, { version: unpackAction(locked.digest).version, record: recordOf(locked) }] as const;
  });
  const written = writeLock(project, withUnpacked(lock, new Map(unpacked)));
  const { lockName } = project;
  const lines = [
    `${sent.pushed} packages sent (${showBytes(sent.sentBytes)}), ${sent.present} were there`,
    written ? `wrote ${lockName}` : `${lockName} is up to date`,
    formatReference(target),
  ];
  const json = { repository: formatReference(target), lock: lockName, written, ...sent };
  return { text: `${lines.join("\n")}\n`, json: json as unknown as Json };
}

function send(
  { shell, options, store, progress }: Run,
  target: Reference,
  packages: Parameters<typeof publishPackages>[0],
): Promise<PublishReport> {
  const parallel = parseParallel(options.parallel) ?? 4;
  return interruptible(async (signal) => {
    const insecure = insecureRegistry([target], options);
    const place = openRemotePlace(shell, target, { progress, parallel, insecure, signal });
    try {
      return await publishPackages(packages, { store, place, parallel, progress });
    } finally {
      await place.close();
    }
  });
}

/** Proves what the lock says by unpacking every .deb of the archive once more. Throws `VERIFY_UNPACKED`. */
async function check(run: Run): Promise<Outcome> {
  const { lock, project } = run;
  const claimed = packagesOf(lock).filter((locked) => claimOf(locked) !== undefined);
  const records = await unpackAgain(claimed, unpacking(run));
  verifyClaims(claimed, (locked) => records.get(locked.digest) as Digest);
  const silent = packagesOf(lock).length - claimed.length;
  const rest = silent === 0 ? "" : `, it says nothing of ${silent}`;
  const text = `${project.lockName} is right about ${claimed.length} packages${rest}\n`;
  return { text, json: { lock: project.lockName, proven: claimed.length, silent } };
}
