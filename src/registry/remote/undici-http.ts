// SPDX-License-Identifier: Apache-2.0
import type { Dispatcher } from "undici";

import { AshlarError, isAshlarError } from "../../base/index.ts";
import { type HttpClient, openHttpClient, type Proxies } from "../../fetch/index.ts";
import { isLoopback } from "./hosts.ts";
import { connectionError } from "./connection-error.ts";
import type { HttpAnswer, HttpRequest, RegistryHttp } from "./registry-http.ts";
import { watchBody } from "./sent-body.ts";

/** How the network is used; nothing of it comes from the environment by itself. */
export interface NetworkSettings {
  readonly proxies?: Proxies | undefined;
  /** PEM certificates trusted beside the usual ones. */
  readonly caBundle?: string | undefined;
  /** 10,000 when absent. */
  readonly connectTimeoutMs?: number | undefined;
  /** Longest wait for the next byte; 30,000 when absent. */
  readonly idleTimeoutMs?: number | undefined;
  /** Connections to one origin; 8 when absent. */
  readonly connections?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A slower transfer is as good as none. */
const slowestBytesPerSecond = 4 << 10;

/** HTTP by undici, one request at a time: no redirects, no second try. Hosts on loopback are never proxied. */
export function undiciHttp(settings: NetworkSettings): RegistryHttp & { close(): Promise<void> } {
  const { proxies, caBundle, connectTimeoutMs = 10_000, idleTimeoutMs = 30_000, connections = 8 } = settings;
  const options = { caBundle, connectTimeoutMs, idleTimeoutMs, connections };
  let proxied: Promise<HttpClient> | undefined;
  let direct: Promise<HttpClient> | undefined;
  const clientFor = (url: URL): Promise<HttpClient> =>
    isLoopback(url.hostname)
      ? (direct ??= openHttpClient(options))
      : (proxied ??= openHttpClient({ ...options, proxies }));
  return {
    send: async (request) => send(await clientFor(request.url), request, { idleTimeoutMs, signal: settings.signal }),
    async close() {
      for (const client of [direct, proxied]) await (await client?.catch(() => undefined))?.dispatcher.destroy();
    },
  };
}

interface Times {
  readonly idleTimeoutMs: number;
  readonly signal: AbortSignal | undefined;
}

async function send(client: HttpClient, request: HttpRequest, times: Times): Promise<HttpAnswer> {
  const { method, url, headers, body, sizeBytes = 0 } = request;
  const { idleTimeoutMs } = times;
  const sent = watchBody(body, idleTimeoutMs);
  const totalMs = idleTimeoutMs * 2 + Math.ceil((sizeBytes / slowestBytesPerSecond) * 1000);
  const timeout = body === undefined ? AbortSignal.timeout(totalMs) : sent.signal;
  const signal = times.signal === undefined ? timeout : AbortSignal.any([times.signal, timeout]);
  const length = body instanceof Uint8Array ? { "content-length": String(body.length) } : {};
  try {
    const response = await client.request(url, {
      dispatcher: client.dispatcher,
      method,
      headers: { accept: "*/*", "accept-encoding": "identity", "user-agent": "ashlar", ...length, ...headers },
      // The body has its own watch: on a slow line its way out takes longer than the wait for a byte.
      ...(body === undefined ? {} : { headersTimeout: 0 }),
      body: (sent.pieces as Dispatcher.DispatchOptions["body"]) ?? null,
      signal,
    });
    // What answers a body is small; so is the time it may take.
    if (body !== undefined) endAfter(response.body, totalMs);
    return answerOf(response, { url, timeout, times });
  } catch (error) {
    const fault = sent.fault();
    if (fault !== undefined) throw fault.error;
    if (times.signal?.aborted === true) throw interrupted(error);
    throw isAshlarError(error) ? error : connectionError(url, sent.signal.aborted ? sent.signal.reason : error);
  } finally {
    sent.stop();
  }
}

function endAfter(body: Dispatcher.ResponseData["body"], timeoutMs: number): void {
  const timer = setTimeout(() => body.destroy(new Error("the answer took too long")), timeoutMs).unref();
  body.once("close", () => clearTimeout(timer));
}

interface Answering {
  readonly url: URL;
  readonly timeout: AbortSignal;
  readonly times: Times;
}

function answerOf(response: Dispatcher.ResponseData, { url, timeout, times }: Answering): HttpAnswer {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(response.headers)) {
    if (value !== undefined) headers[name.toLowerCase()] = Array.isArray(value) ? value.join(", ") : value;
  }
  const { body } = response;
  body.on("error", () => {});
  async function* read(): AsyncGenerator<Uint8Array> {
    try {
      yield* body as AsyncIterable<Uint8Array>;
    } catch (error) {
      if (times.signal?.aborted === true) throw interrupted(error);
      if (timeout.aborted) throw new Error("the answer took too long", { cause: error });
      throw error;
    }
  }
  return {
    status: response.statusCode,
    headers,
    url,
    body: read(),
    async discard() {
      await body.dump({ limit: 16 << 10 }).catch(() => {});
    },
  };
}

function interrupted(cause: unknown): AshlarError {
  return new AshlarError("INTERRUPTED", "Cannot go on with the registry: interrupted", { cause });
}
