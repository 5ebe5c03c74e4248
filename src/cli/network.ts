// SPDX-License-Identifier: Apache-2.0
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { AshlarError, isSystemError, type Progress } from "../base/index.ts";
import { insideProject, type Project } from "../build/index.ts";
import {
  type AptSourcesFile,
  type ArchiveOptions,
  type Fetcher,
  type FetchEvent,
  type MirrorSettings,
  openFetcher,
  type Proxies,
  type ReleaseOverrides,
} from "../fetch/index.ts";
import type { Store } from "../store/index.ts";
import type { Shell } from "./shell.ts";

/** Reads where archives are looked for: the environment's wishes, then the host's own apt configuration. */
export function mirrorSettings(shell: Shell): MirrorSettings {
  return {
    mirror: shell.env["ASHLAR_MIRROR"],
    securityMirror: shell.env["ASHLAR_SECURITY_MIRROR"],
    snapshot: shell.env["ASHLAR_SNAPSHOT"],
    hostSources: hostSources("/etc/apt"),
  };
}

function hostSources(dir: string): AptSourcesFile[] {
  const names = [
    "sources.list",
    ...listed(join(dir, "sources.list.d")).map((name) => join("sources.list.d", name)),
  ];
  return names.flatMap((name) => {
    const text = readIfThere(join(dir, name));
    return text === undefined ? [] : [{ name: join(dir, name), text: text.toString("utf8") }];
  });
}

function listed(dir: string): string[] {
  try {
    return readdirSync(dir)
      .filter((name) => /\.(list|sources)$/.test(name))
      .sort();
  } catch (error) {
    if (isSystemError(error, "ENOENT", "EACCES", "ENOTDIR")) return [];
    throw error;
  }
}

/** A file's bytes; undefined where there is none that we may read. */
export function readIfThere(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch (error) {
    if (isSystemError(error, "ENOENT", "ENOTDIR", "EACCES", "EISDIR")) return undefined;
    throw error;
  }
}

/** Opens the way to the network, with the environment's proxies and certificates. */
export function openNetwork(
  shell: Shell,
  { store, offline, onEvent }: { store: Store; offline: boolean; onEvent?: (event: FetchEvent) => void },
): Fetcher {
  return openFetcher({ area: store, offline, ...networkOf(shell), onEvent });
}

/** The proxies and certificates that the environment names. Throws `USAGE_PROXY`. */
export function networkOf({ env }: Shell): {
  readonly proxies: Proxies;
  readonly caBundle: string | undefined;
} {
  const either = (name: string): string | undefined => env[name] || env[name.toUpperCase()] || undefined;
  const proxy = (name: string): string | undefined => parseProxy(name, either(name));
  const bundle = env["SSL_CERT_FILE"] || env["NODE_EXTRA_CA_CERTS"];
  return {
    proxies: { http: proxy("http_proxy"), https: proxy("https_proxy"), no: either("no_proxy") },
    caBundle: bundle === undefined ? undefined : readIfThere(bundle)?.toString("utf8"),
  };
}

/** As curl has it, an address without a scheme is http. */
function parseProxy(name: string, text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const address = text.includes("://") ? text : `http://${text}`;
  if (/^(https?|socks5?):\/\//i.test(address) && URL.canParse(address)) return address;
  throw new AshlarError("USAGE_PROXY", `Cannot use ${name}: it is no address of a proxy, want http://HOST:PORT`);
}

/** What verifying an archive needs beside the fetcher. */
export function archiveOptions(
  shell: Shell,
  { store, project, overrides }: { store: Store; project: Project; overrides: ReleaseOverrides },
): ArchiveOptions {
  const readKeyFile = (path: string): Uint8Array => {
    try {
      return readFileSync(insideProject(project.dir, path));
    } catch (cause) {
      if (!isSystemError(cause, "ENOENT", "EISDIR")) throw cause;
      throw new AshlarError(
        "SPEC_KEY_MISSING",
        `Cannot read key file "${path}": there is none in the project`,
        { cause },
      );
    }
  };
  return { store, mirrors: mirrorSettings(shell), nowSeconds: shell.nowSeconds, overrides, readKeyFile };
}

/** Shows downloads as one step whose bar counts bytes; started with the first byte that arrives. */
export function showDownloads(
  progress: Progress,
  name: string,
  totalBytes?: number,
): {
  readonly onEvent: (event: FetchEvent) => void;
  readonly done: () => void;
} {
  let step: ReturnType<Progress["start"]> | undefined;
  let files = 0;
  return {
    onEvent(event) {
      if (event.kind === "retry") progress.note(`retry ${event.name}: ${event.why}`);
      if (event.kind === "wait") progress.note(event.text);
      if (event.kind === "done" && !event.cached) files++;
      if (event.kind !== "bytes") return;
      step ??= progress.start(name, totalBytes, "bytes");
      step.advance(event.bytes);
    },
    done: () => step?.done(`${files} files`),
  };
}
