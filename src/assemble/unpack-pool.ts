// SPDX-License-Identifier: Apache-2.0
import { Worker } from "node:worker_threads";

import { AshlarError, type Digest, type ErrorParts } from "../base/index.ts";
import type { Store } from "../store/index.ts";
import { type UnpackTask, unpackDeb } from "./unpack.ts";
import type { UnpackAnswer } from "./unpack-worker.ts";

export interface UnpackOptions {
  readonly store: Store;
  readonly storeDir: string;
  /** How many threads at most; the result never depends on it. */
  readonly workers: number;
  readonly onDone?: (task: UnpackTask) => void;
}

/** Below this many bytes of packages starting threads costs more than it saves. */
const inlineBytesMax = 1 << 20;

/** A thread's objects are few and short-lived; what is large lies outside of its heap. */
const resourceLimits = { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 256 };

/** Unpacks every task, the largest first, over some threads. Returns the record of each .deb. */
export async function unpackAll(
  tasks: readonly UnpackTask[],
  options: UnpackOptions,
): Promise<Map<Digest, Digest>> {
  const queue = [...tasks].sort((a, b) => b.sizeBytes - a.sizeBytes);
  const total = queue.reduce((sum, task) => sum + task.sizeBytes, 0);
  const count = Math.min(options.workers, queue.length);
  if (count <= 1 || total <= inlineBytesMax) return unpackInline(queue, options);
  const records = new Map<Digest, Digest>();
  const lanes = Array.from({ length: count }, () => runLane(queue, records, options));
  const results = await Promise.allSettled(lanes);
  for (const result of results) if (result.status === "rejected") throw result.reason;
  return records;
}

async function unpackInline(
  tasks: readonly UnpackTask[],
  options: UnpackOptions,
): Promise<Map<Digest, Digest>> {
  const records = new Map<Digest, Digest>();
  for (const task of tasks) {
    records.set(task.digest, await unpackDeb(options.store, task));
    options.onDone?.(task);
  }
  return records;
}

async function runLane(
  queue: UnpackTask[],
  records: Map<Digest, Digest>,
  options: UnpackOptions,
): Promise<void> {
  const file = new URL(
    import.meta.url.endsWith(".ts") ? "unpack-worker.ts" : "unpack-worker.js",
    import.meta.url,
  );
  const worker = new Worker(file, { workerData: { storeDir: options.storeDir }, resourceLimits });
  try {
    for (let task = queue.shift(); task !== undefined; task = queue.shift()) {
      records.set(task.digest, await ask(worker, task));
      options.onDone?.(task);
    }
  } catch (error) {
    queue.length = 0;
    throw error;
  } finally {
    await worker.terminate();
  }
}

function ask(worker: Worker, task: UnpackTask): Promise<Digest> {
  return new Promise((resolve, reject) => {
    const onError = (error: unknown): void => settle(() => reject(error));
    const onExit = (code: number): void =>
      onError(new Error(`internal error: unpack worker ended with ${code}`));
    const onMessage = (answer: UnpackAnswer): void => settle(() => finish(answer, resolve, reject));
    const settle = (act: () => void): void => {
      worker.off("error", onError).off("exit", onExit).off("message", onMessage);
      act();
    };
    worker.on("error", onError).on("exit", onExit).on("message", onMessage);
    worker.postMessage(task);
  });
}

function finish(
  answer: UnpackAnswer,
  resolve: (record: Digest) => void,
  reject: (error: unknown) => void,
): void {
  switch (answer.kind) {
    case "done":
      return resolve(answer.record as Digest);
    case "refused":
      return reject(new AshlarError(answer.code, answer.message, answer.parts as ErrorParts));
    case "failed":
      return reject(answer.error);
  }
}
