// SPDX-License-Identifier: Apache-2.0
import { AshlarError, type Digest } from "../base/index.ts";
import { sortedMap } from "./descriptor.ts";
import { JsonObject, withoutUndefined } from "./json-object.ts";
import { ociLimits } from "./limits.ts";
import { parseStrictJson } from "./strict-json.ts";
import type { Platform } from "./platform.ts";

/** Docker's health check, which OCI reserves a place for; times in nanoseconds, 0 or absent inherits. */
export interface Healthcheck {
  readonly test?: readonly string[] | undefined;
  readonly intervalNs?: number | undefined;
  readonly timeoutNs?: number | undefined;
  readonly startPeriodNs?: number | undefined;
  readonly startIntervalNs?: number | undefined;
  readonly retries?: number | undefined;
}

/** How a container of the image is run by default. */
export interface RunConfig {
  readonly user?: string | undefined;
  /** "8080/tcp", sorted. */
  readonly exposedPorts?: readonly string[] | undefined;
  /** "NAME=value" */
  readonly env?: readonly string[] | undefined;
  readonly entrypoint?: readonly string[] | undefined;
  readonly cmd?: readonly string[] | undefined;
  readonly healthcheck?: Healthcheck | undefined;
  /** Paths, sorted. */
  readonly volumes?: readonly string[] | undefined;
  readonly workingDir?: string | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
  readonly stopSignal?: string | undefined;
}

export interface History {
  /** RFC 3339. */
  readonly created?: string | undefined;
  readonly createdBy?: string | undefined;
  readonly author?: string | undefined;
  readonly comment?: string | undefined;
  /** The step made no layer. */
  readonly emptyLayer?: boolean | undefined;
}

/** An image's config (OCI image-spec v1.1, config.md); its digest is the image ID of docker and podman. */
export interface ImageConfig {
  /** RFC 3339. */
  readonly created?: string | undefined;
  readonly author?: string | undefined;
  readonly platform: Platform;
  readonly config: RunConfig;
  /** One for each layer, lowest first. */
  readonly diffIds: readonly Digest[];
  readonly history: readonly History[];
}

const known = [
  "created", "author", "architecture", "os", "os.version", "os.features", "variant", "config", "rootfs", "history",
];
const runFields = [
  "User", "ExposedPorts", "Env", "Entrypoint", "Cmd", "Healthcheck", "Volumes", "WorkingDir", "Labels", "StopSignal",
];
const healthFields = ["Test", "Interval", "Timeout", "StartPeriod", "StartInterval", "Retries"];
const historyFields = ["created", "created_by", "author", "comment", "empty_layer"];

/** Parses a config of OCI or docker. Throws `OCI_LIMIT`, `OCI_JSON`, `OCI_FIELD`. */
export function parseConfig(bytes: Uint8Array): ImageConfig {
  const object = new JsonObject(parseStrictJson(bytes, "config"), "config", "", known);
  const rootfs = object.object("rootfs", ["type", "diff_ids"]);
  if (rootfs.text("type") !== "layers") throw rootfs.fault("type", 'want "layers"');
  const diffIds = rootfs.has("diff_ids") ? rootfs.digests("diff_ids") : [];
  if (diffIds.length > ociLimits.layersMax) {
    throw rootfs.fault(
      "diff_ids",
      `has more than ${ociLimits.layersMax} items`,
    );
  }
  const run = object.maybeObject("config", runFields);
  const history = object.maybeObjects("history", historyFields, ociLimits.manifestsMax) ?? [];
  return withoutUndefined({
    created: object.maybeText("created"),
    author: object.maybeText("author"),
    platform: readPlatform(object),
    config: run === undefined ? {} : readRun(run),
    diffIds,
    history: history.map(readHistory),
  });
}

function readPlatform(object: JsonObject): Platform {
  return withoutUndefined({
    os: object.text("os"),
    architecture: object.text("architecture"),
    variant: object.maybeText("variant") || undefined,
    osVersion: object.maybeText("os.version") || undefined,
  });
}

function readRun(object: JsonObject): RunConfig {
  const health = object.maybeObject("Healthcheck", healthFields);
  return withoutUndefined({
    user: object.maybeText("User"),
    exposedPorts: object.maybeKeys("ExposedPorts"),
    env: object.maybeTexts("Env"),
    entrypoint: object.maybeTexts("Entrypoint"),
    cmd: object.maybeTexts("Cmd"),
    healthcheck: health === undefined ? undefined : readHealthcheck(health),
    volumes: object.maybeKeys("Volumes"),
    workingDir: object.maybeText("WorkingDir"),
    labels: object.maybeTextMap("Labels"),
    stopSignal: object.maybeText("StopSignal"),
  });
}

function readHealthcheck(object: JsonObject): Healthcheck {
  return withoutUndefined({
    test: object.maybeTexts("Test"),
    intervalNs: object.maybeCount("Interval"),
    timeoutNs: object.maybeCount("Timeout"),
    startPeriodNs: object.maybeCount("StartPeriod"),
    startIntervalNs: object.maybeCount("StartInterval"),
    retries: object.maybeCount("Retries"),
  });
}

function readHistory(object: JsonObject): History {
  return withoutUndefined({
    created: object.maybeText("created"),
    createdBy: object.maybeText("created_by"),
    author: object.maybeText("author"),
    comment: object.maybeText("comment"),
    emptyLayer: object.maybeFlag("empty_layer"),
  });
}

/** Encodes a config: compact JSON, keys in the order of the standard's structure, maps sorted, no line feed. */
export function encodeConfig(config: ImageConfig): Uint8Array {
  const { platform } = config;
  const value = {
    created: config.created,
    author: config.author,
    architecture: platform.architecture,
    os: platform.os,
    "os.version": platform.osVersion,
    variant: platform.variant,
    config: runJson(config.config),
    rootfs: { type: "layers", diff_ids: config.diffIds },
    history: config.history.map(historyJson),
  };
  return Buffer.from(JSON.stringify(value), "utf8");
}

function runJson(run: RunConfig): object {
  return {
    User: run.user,
    ExposedPorts: emptyObjects(run.exposedPorts),
    Env: run.env,
    Entrypoint: run.entrypoint,
    Cmd: run.cmd,
    Healthcheck: run.healthcheck === undefined ? undefined : {
      Test: run.healthcheck.test,
      Interval: run.healthcheck.intervalNs,
      Timeout: run.healthcheck.timeoutNs,
      StartPeriod: run.healthcheck.startPeriodNs,
      StartInterval: run.healthcheck.startIntervalNs,
      Retries: run.healthcheck.retries,
    },
    Volumes: emptyObjects(run.volumes),
    WorkingDir: run.workingDir,
    Labels: sortedMap(run.labels),
    StopSignal: run.stopSignal,
  };
}

function emptyObjects(keys: readonly string[] | undefined): Record<string, object> | undefined {
  if (keys === undefined || keys.length === 0) return undefined;
  return Object.fromEntries([...keys].sort().map((key) => [key, {}]));
}

function historyJson(history: History): object {
  const { created, createdBy, author, comment, emptyLayer } = history;
  return { created, created_by: createdBy, author, comment, empty_layer: emptyLayer };
}

/** Proves that config and manifest speak of the same number of layers. Throws `OCI_LAYER_COUNT`. */
export function verifyLayerCount(config: Pick<ImageConfig, "diffIds">, layerCount: number): void {
  const expected = config.diffIds.length;
  if (expected === layerCount) return;
  const message = `Cannot read image: it has ${layerCount} layers, want ${expected} as its config has diff_ids`;
  throw new AshlarError("OCI_LAYER_COUNT", message);
}
