// SPDX-License-Identifier: Apache-2.0
import { compareOrdinal } from "../base/index.ts";
import type { History, ImageConfig, RunConfig } from "../oci/index.ts";

/**
 * The run config of an image that stands on another one, field by field as docker does it: what is set here
 * counts; variables and labels are united by name, ports and volumes as sets. An entrypoint of its own drops
 * the base's command, which were arguments of the base's entrypoint. Variables of the base keep their places.
 */
export function inheritConfig(base: RunConfig, own: RunConfig): RunConfig {
  const labels = { ...base.labels, ...own.labels };
  return {
    user: own.user ?? base.user,
    exposedPorts: united(base.exposedPorts, own.exposedPorts),
    env: inheritEnv(base.env, own.env),
    entrypoint: own.entrypoint ?? base.entrypoint,
    cmd: own.cmd ?? (own.entrypoint === undefined ? base.cmd : undefined),
    healthcheck: own.healthcheck ?? base.healthcheck,
    volumes: united(base.volumes, own.volumes),
    workingDir: own.workingDir ?? base.workingDir,
    labels: Object.keys(labels).length === 0 ? undefined : labels,
    stopSignal: own.stopSignal ?? base.stopSignal,
  };
}

function inheritEnv(
  base: readonly string[] = [],
  own: readonly string[] = [],
): readonly string[] | undefined {
  const mine = new Map(own.map((item) => [nameOf(item), item]));
  const names = new Set(base.map(nameOf));
  const kept = base.map((item) => mine.get(nameOf(item)) ?? item);
  const all = [...kept, ...own.filter((item) => !names.has(nameOf(item)))];
  return all.length === 0 ? undefined : all;
}

function nameOf(variable: string): string {
  return variable.split("=", 1)[0] as string;
}

function united(a: readonly string[] = [], b: readonly string[] = []): readonly string[] | undefined {
  const all = [...new Set([...a, ...b])].sort(compareOrdinal);
  return all.length === 0 ? undefined : all;
}

/**
 * The history of a base for its layers, steps without a layer included. Where it does not tell of exactly as
 * many layers as there are, which readers trip over, each layer gets an entry that only names it.
 */
export function inheritHistory({ history, diffIds, created }: ImageConfig): readonly History[] {
  if (history.filter((step) => step.emptyLayer !== true).length === diffIds.length) return history;
  return diffIds.map((diffId) => ({ created, createdBy: `layer ${diffId}` }));
}
