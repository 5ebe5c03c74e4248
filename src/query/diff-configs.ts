// SPDX-License-Identifier: Apache-2.0
import { compareOrdinal, type Json } from "../base/index.ts";
import { formatPlatform, type ImageConfig } from "../oci/index.ts";

/** One fact of a config: added (no `before`), removed (no `after`) or changed. */
export interface ConfigChange {
  /** e.g. "entrypoint", "env PATH", "label org.example.note", "port 80/tcp". */
  readonly field: string;
  readonly before?: Json;
  readonly after?: Json;
}

/** Compares how two images run, fact by fact, ordered by field. Layers and history are not compared. */
export function diffConfigs(before: ImageConfig, after: ImageConfig): readonly ConfigChange[] {
  const [old, now] = [factsOf(before), factsOf(after)];
  const fields = [...new Set([...old.keys(), ...now.keys()])].sort(compareOrdinal);
  return fields.flatMap((field) => {
    const [a, b] = [old.get(field), now.get(field)];
    if (JSON.stringify(a) === JSON.stringify(b)) return [];
    return [{ field, ...(a === undefined ? {} : { before: a }), ...(b === undefined ? {} : { after: b }) }];
  });
}

function factsOf(image: ImageConfig): ReadonlyMap<string, Json> {
  const { config, created, author, platform } = image;
  const { user, entrypoint, cmd, workingDir, stopSignal, healthcheck } = config;
  const single: Readonly<Record<string, unknown>> = {
    created, author, user, entrypoint, cmd, workingDir, stopSignal, healthcheck, platform: formatPlatform(platform),
  };
  const facts = new Map(Object.entries(single).filter(([, value]) => value !== undefined)) as Map<string, Json>;
  for (const item of config.env ?? []) facts.set(`env ${nameOf(item)}`, item.slice(nameOf(item).length + 1));
  for (const [name, value] of Object.entries(config.labels ?? {})) facts.set(`label ${name}`, value);
  for (const port of config.exposedPorts ?? []) facts.set(`port ${port}`, true);
  for (const volume of config.volumes ?? []) facts.set(`volume ${volume}`, true);
  return facts;
}

function nameOf(variable: string): string {
  const equals = variable.indexOf("=");
  return equals < 0 ? variable : variable.slice(0, equals);
}
