// SPDX-License-Identifier: Apache-2.0
import type { Digest } from "../base/index.ts";
import { AshlarError } from "../base/index.ts";
import type { Store } from "../store/index.ts";
import { addressOf } from "./address.ts";
import { downloadContent, type WantedContent } from "./download-content.ts";
import { downloadText } from "./download-text.ts";
import { fileTransport } from "./file-transport.ts";
import { httpTransport, type Proxies } from "./http-transport.ts";
import { inTurn } from "./in-turn.ts";
import { makeLimiter } from "./limiter.ts";
import type { Mirror } from "./mirrors.ts";
import type { Transport } from "./transport.ts";

/** Where verified downloads lie; a `Store` is one. */
export type DownloadArea = Pick<Store, "downloadPath" | "beginFetch">;

/** What happens while fetching; `name` is the file's or package's name. */
export type FetchEvent =
  | { readonly kind: "start"; readonly name: string; readonly sizeBytes: number | undefined; readonly from: string }
  /** Bytes that arrived; a resumed or repeated download may count bytes more than once. */
  | { readonly kind: "bytes"; readonly name: string; readonly bytes: number }
  /** Another process fetches the same. */
  | { readonly kind: "wait"; readonly name: string; readonly text: string }
  | { readonly kind: "retry"; readonly name: string; readonly why: string; readonly delayMs: number }
  | { readonly kind: "done"; readonly name: string; readonly sizeBytes: number; readonly cached: boolean };

/** Everything that comes from outside enters here, as values. */
export interface FetcherOptions {
  readonly area: DownloadArea;
  /** Asks nobody: what is not here already is an error, `FETCH_OFFLINE`. */
  readonly offline?: boolean | undefined;
  readonly proxies?: Proxies | undefined;
  /** PEM certificates trusted beside the usual ones. */
  readonly caBundle?: string | undefined;
  /** Downloads at a time; 8 when absent. */
  readonly parallel?: number | undefined;
  readonly connectTimeoutMs?: number | undefined;
  readonly idleTimeoutMs?: number | undefined;
  /** Tries for one mirror that bring no new byte; 4 when absent. */
  readonly tryCountMax?: number | undefined;
  /** Wait before the second try; doubles each time. 500 when absent. */
  readonly retryDelayMs?: number | undefined;
  readonly onEvent?: ((event: FetchEvent) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A file of known size and digest. */
export interface ContentRequest {
  /** For people: package and version, or the path in the archive. */
  readonly name: string;
  readonly digest: Digest;
  readonly sizeBytes: number;
  /** Paths below the mirror's base, best first; the next one is asked where one is not found. */
  readonly paths: readonly string[];
  readonly mirrors: readonly Mirror[];
}

/** A file of known digest and unknown size, at one address. */
export interface FileRequest {
  readonly name: string;
  readonly digest: Digest;
  readonly url: URL;
  readonly sizeBytesMax: number;
}

/** A small file of unknown digest: it is worth nothing before its signature is verified. */
export interface TextRequest {
  readonly name: string;
  readonly path: string;
  readonly mirror: Mirror;
  readonly maxBytes: number;
}

/** Gets bytes from mirrors. Calls may run at the same time; `close` ends the connections. */
export interface Fetcher {
  readonly offline: boolean;
  /**
   * Makes the content lie at `area.downloadPath(digest)` and returns that path; a verified file that is
   * there already is used, and what another process fetches is waited for. Throws `FETCH_OFFLINE`,
   * `FETCH_NOT_FOUND`, `FETCH_DIGEST_MISMATCH`, `FETCH_FAILED`, `FETCH_PATH_INVALID`, `INTERRUPTED`, `STORE_BUSY`;
   * the faults of all mirrors are in `because`.
   */
  content(request: ContentRequest): Promise<string>;
  /** The same for a file of unknown size; one of this machine may be had offline too. */
  file(request: FileRequest): Promise<string>;
  /** The bytes, or undefined where the mirror has no such file. Throws `FETCH_FAILED`, `FETCH_OFFLINE`. */
  text(request: TextRequest): Promise<Uint8Array | undefined>;
  close(): Promise<void>;
}

/** What the download functions work with: options with their defaults filled in. */
export interface FetchContext {
  readonly area: DownloadArea;
  readonly transportOf: (url: URL) => Transport;
  readonly tryCountMax: number;
  readonly retryDelayMs: number;
  readonly idleTimeoutMs: number;
  readonly emit: (event: FetchEvent) => void;
  readonly signal: AbortSignal | undefined;
}

const parallelDefault = 8;
const connectTimeoutMsDefault = 10_000;
const idleTimeoutMsDefault = 30_000;

/** Opens a fetcher. Nothing is connected or loaded before the first request. */
export function openFetcher(options: FetcherOptions): Fetcher {
  const parallel = options.parallel ?? parallelDefault;
  const idleTimeoutMs = options.idleTimeoutMs ?? idleTimeoutMsDefault;
  const connectTimeoutMs = options.connectTimeoutMs ?? connectTimeoutMsDefault;
  const { proxies, caBundle } = options;
  const http = httpTransport({ proxies, caBundle, idleTimeoutMs, connectTimeoutMs, connections: parallel });
  const context: FetchContext = {
    area: options.area,
    transportOf: (url) => (url.protocol === "file:" ? fileTransport : http),
    tryCountMax: options.tryCountMax ?? 4,
    retryDelayMs: options.retryDelayMs ?? 500,
    idleTimeoutMs,
    emit: options.onEvent ?? (() => {}),
    signal: options.signal,
  };
  return makeFetcher(context, { http, parallel, offline: options.offline ?? false });
}

function makeFetcher(
  context: FetchContext,
  { http, parallel, offline }: { readonly http: Transport; readonly parallel: number; readonly offline: boolean },
): Fetcher {
  const limit = makeLimiter(parallel);
  const running = new Map<Digest, Promise<string>>();
  const takeTurn = ({ name, digest, ...wanted }: WantedContent, isOffline: boolean): Promise<string> => {
    const onWait = (text: string): void => context.emit({ kind: "wait", name, text });
    const work = (): Promise<string> => downloadContent(context, { name, digest, ...wanted }, { offline: isOffline });
    // Who waits gives its place to another download: of two processes that want the same files each fetches some.
    return inTurn(context.area, digest, { name, onWait, signal: context.signal, slot: limit, work });
  };
  const get = (wanted: WantedContent, isOffline: boolean): Promise<string> => {
    const known = running.get(wanted.digest);
    if (known !== undefined) return known;
    const download = takeTurn(wanted, isOffline);
    running.set(wanted.digest, download);
    return download.finally(() => running.delete(wanted.digest));
  };
  return {
    offline,
    // Asynchronous, so that a path which leaves the archive is a rejection like every other error.
    async content({ name, digest, sizeBytes, paths, mirrors }) {
      const places = mirrors.map((mirror) => paths.map((path) => addressOf(mirror, path)));
      return get({ name, digest, sizeBytes, sizeBytesMax: sizeBytes, places }, offline);
    },
    file({ url, ...request }) {
      const wanted = { ...request, sizeBytes: undefined, places: [[url]] };
      return get(wanted, offline && url.protocol !== "file:");
    },
    async text(request) {
      if (offline) throw offlineError(request.name);
      return limit(() => downloadText(context, request));
    },
    close: () => http.close(),
  };
}

/** The error of asking for something that is not here while `--offline` is set. */
export function offlineError(...names: readonly string[]): AshlarError {
  const shown = names.slice(0, 20).join(", ") + (names.length > 20 ? ` and ${names.length - 20} more` : "");
  return new AshlarError(
    "FETCH_OFFLINE",
    `Cannot fetch ${shown}: not in the store, and --offline forbids the network`,
    {
      hint: "run the same command once without --offline",
      details: { missing: names },
    },
  );
}
