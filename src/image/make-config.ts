// SPDX-License-Identifier: Apache-2.0
import { compareOrdinal, type Digest } from "../base/index.ts";
import { encodeConfig, type History, type ImageConfig, type Platform, type RunConfig } from "../oci/index.ts";
import type { ConfigDocument } from "../spec/index.ts";
import { inheritConfig, inheritHistory } from "./inherit-config.ts";

/** A layer as the config knows it. */
export interface ConfigLayer {
  readonly diffId: Digest;
  /** What made it, for the history, e.g. "ashlar: base". */
  readonly createdBy: string;
  readonly comment?: string | undefined;
}

export interface ConfigOptions {
  readonly config: ConfigDocument;
  /** Of the image below, whose layers come first in `layers`; what the spec does not set is inherited. */
  readonly base?: ImageConfig | undefined;
  readonly platform: Platform;
  /** Lowest first. */
  readonly layers: readonly ConfigLayer[];
  /** Seconds since 1970: the newest date among the inputs, never now. */
  readonly createdSeconds: number;
}

const nsPerMs = 1_000_000;

/**
 * Makes an image's config; its digest is the image ID. Nothing of it depends on how layers are compressed, so
 * the ID is equal in all forms. One history entry a layer; those of a base are its own. A pure function of the
 * options.
 */
export function makeConfig({ config, base, platform, layers, createdSeconds }: ConfigOptions): Uint8Array {
  const created = rfc3339(createdSeconds);
  const own = runConfig(config);
  const history = layers
    .slice(base?.diffIds.length ?? 0)
    .map(({ createdBy, comment }): History => ({ created, createdBy, comment }));
  const value: ImageConfig = {
    created,
    author: config.author ?? base?.author,
    platform: base?.platform ?? platform,
    config: base === undefined ? own : inheritConfig(base.config, own),
    diffIds: layers.map((layer) => layer.diffId),
    history: base === undefined ? history : [...inheritHistory(base), ...history],
  };
  return encodeConfig(value);
}

/** `2026-11-21T07:00:00Z`; throws a plain error on what is no date. */
export function rfc3339(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace(/\.\d+Z$/, "Z");
}

function runConfig(config: ConfigDocument): RunConfig {
  return {
    user: config.user,
    exposedPorts: config.ports,
    env: environment(config.env),
    entrypoint: config.entrypoint,
    cmd: config.cmd,
    healthcheck: healthcheck(config.healthcheck),
    volumes: config.volumes,
    workingDir: config.workdir,
    labels: config.labels,
    stopSignal: config.stopSignal,
  };
}

/** By name: the order of a map in a spec has no meaning. */
function environment(env: Readonly<Record<string, string>> | undefined): readonly string[] | undefined {
  if (env === undefined || Object.keys(env).length === 0) return undefined;
  return Object.keys(env).sort(compareOrdinal).map((name) => `${name}=${env[name]}`);
}

function healthcheck(check: ConfigDocument["healthcheck"]): RunConfig["healthcheck"] {
  if (check === undefined) return undefined;
  return {
    test: check.test,
    intervalNs: nanoseconds(check.intervalMs),
    timeoutNs: nanoseconds(check.timeoutMs),
    startPeriodNs: nanoseconds(check.startPeriodMs),
    retries: check.retries,
  };
}

function nanoseconds(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : Math.round(ms * nsPerMs);
}
