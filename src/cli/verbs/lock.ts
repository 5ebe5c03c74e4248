// SPDX-License-Identifier: Apache-2.0
import { resolve } from "node:path";

import { AshlarError, type Json } from "../../base/index.ts";
import { baseReader, findProject, loadSpec, type Project } from "../../build/index.ts";
import {
  compareLocks,
  type ImageChanges,
  type Lock,
  resolveLock,
  showLockChanges,
} from "../../lock/index.ts";
import type { Document } from "../../spec/index.ts";
import type { Store } from "../../store/index.ts";
import { readLock, writeLock } from "../lock-file.ts";
import { archiveOptions, openNetwork, showDownloads } from "../network.ts";
import { openForWriting } from "../open-store.ts";
import { parseParameters } from "../parameters.ts";
import { makeProgress } from "../progress.ts";
import type { GlobalOptions, Outcome, Shell } from "../shell.ts";
import { takeLease } from "../take-lease.ts";

interface LockOptions extends GlobalOptions {
  readonly set?: readonly string[];
  readonly offline?: boolean;
  readonly allowOlder?: boolean;
  readonly allowExpired?: boolean;
  readonly allowReleaseChange?: boolean;
}

interface Asked {
  readonly project: Project;
  readonly update?: "all" | readonly string[];
}

/** `ashlar lock [SPEC]` */
export async function lock(
  shell: Shell,
  spec: string | undefined,
  options: LockOptions & { readonly check?: boolean },
): Promise<Outcome> {
  const project = findProject(resolve(shell.cwd, spec ?? "."), spec ?? ".");
  const { before, after } = await relock(shell, options, { project });
  const changes = compareLocks(before, after);
  if (!options.check) return outcome(project, changes, writeLock(project, after));
  if (before !== undefined && changes.length === 0 && before.document === after.document) {
    return outcome(project, changes, false);
  }
  const code = before === undefined ? "LOCK_MISSING" : "LOCK_STALE";
  const state = before === undefined ? "there is none" : "it is not what the spec and the archive say";
  const because = changes.length === 0 ? [] : showLockChanges(changes).trimEnd().split("\n");
  throw new AshlarError(code, `Cannot accept lock "${project.lockName}": ${state}`, {
    because,
    hint: "run: ashlar lock",
  });
}

/** `ashlar update [PACKAGES]` */
export async function update(
  shell: Shell,
  packages: readonly string[],
  options: LockOptions & { readonly spec?: string; readonly dryRun?: boolean },
): Promise<Outcome> {
  const spec = options.spec ?? ".";
  const project = findProject(resolve(shell.cwd, spec), spec);
  const asked: Asked = { project, update: packages.length === 0 ? "all" : packages };
  const { before, after } = await relock(shell, options, asked);
  return outcome(project, compareLocks(before, after), options.dryRun ? false : writeLock(project, after));
}

interface Relocked {
  readonly before: Lock | undefined;
  readonly after: Lock;
}

async function relock(shell: Shell, options: LockOptions, asked: Asked): Promise<Relocked> {
  const store = await openForWriting(shell, options);
  const lease = await takeLease(store, { say: makeProgress(shell, options).note });
  try {
    const { document } = await loadSpec(asked.project, parseParameters(options.set), store);
    const before = readLock(asked.project);
    return { before, after: await makeLock(shell, options, { ...asked, store, document, previous: before }) };
  } finally {
    lease.release();
    store.close();
  }
}

interface Making extends Asked {
  readonly store: Store;
  readonly document: Document;
  readonly previous: Lock | undefined;
}

/** Resolves a document; the network is asked only where the previous lock does not answer. */
export async function makeLock(shell: Shell, options: LockOptions, making: Making): Promise<Lock> {
  const { store, project, document, previous, update: moving } = making;
  const progress = makeProgress(shell, options);
  const shown = showDownloads(progress, "fetch indexes");
  const fetcher = openNetwork(shell, { store, offline: options.offline === true, onEvent: shown.onEvent });
  const { allowOlder, allowExpired, allowReleaseChange: allowChanged } = options;
  const overrides = { allowOlder, allowExpired, allowChanged };
  try {
    const archives = archiveOptions(shell, { store, project, overrides });
    const readBase = baseReader({ store, projectDir: project.dir, progress });
    const result = await resolveLock({ ...archives, document, fetcher, readBase, previous, update: moving });
    shown.done();
    return result;
  } finally {
    await fetcher.close();
  }
}

function outcome(project: Project, changes: readonly ImageChanges[], written: boolean): Outcome {
  const last = written ? `wrote ${project.lockName}\n` : `${project.lockName} is up to date\n`;
  return {
    text: showLockChanges(changes) + last,
    json: { lock: project.lockName, written, changes: changes as unknown as Json },
  };
}
