// SPDX-License-Identifier: Apache-2.0
import { rootCertificates } from "node:tls";
import type { Dispatcher } from "undici";

import { type Answer, getFollowing, type GetOptions, type Transport } from "./transport.ts";

/** Proxy addresses as in the variables `http_proxy`, `https_proxy`, `no_proxy`. */
export interface Proxies {
  readonly http?: string | undefined;
  readonly https?: string | undefined;
  readonly no?: string | undefined;
}

export interface HttpOptions {
  readonly proxies?: Proxies | undefined;
  /** PEM certificates trusted beside the usual ones (`SSL_CERT_FILE`). */
  readonly caBundle?: string | undefined;
  readonly connectTimeoutMs: number;
  /** Longest wait for the next byte. */
  readonly idleTimeoutMs: number;
  /** Connections to one origin. */
  readonly connections: number;
}

/** HTTP by undici, which is loaded at the first request (it takes 0.1 s). */
export function httpTransport(options: HttpOptions): Transport {
  let client: Promise<HttpClient> | undefined;
  return {
    async get(url, getOptions) {
      client ??= openHttpClient(options);
      const { dispatcher, request } = await client;
      return getFollowing(url, async (target) => {
        const { address, headers } = splitCredentials(target, getOptions);
        const response = await request(address, { dispatcher, headers, signal: getOptions.signal ?? null });
        return answerOf(response);
      });
    },
    async close() {
      const opened = await client?.catch(() => undefined);
      await opened?.dispatcher.destroy();
    },
  };
}

/** undici with the connections that it keeps; `dispatcher.destroy()` ends them. */
export interface HttpClient {
  readonly dispatcher: Dispatcher;
  readonly request: typeof import("undici").request;
}

/** Loads undici and opens a client with the time-outs, certificates and proxies given. */
export async function openHttpClient(options: HttpOptions): Promise<HttpClient> {
  const { Agent, EnvHttpProxyAgent, request } = await import("undici");
  const { proxies } = options;
  const agent = {
    connections: options.connections,
    headersTimeout: options.idleTimeoutMs,
    bodyTimeout: options.idleTimeoutMs,
    keepAliveTimeout: 10_000,
    connect: {
      timeout: options.connectTimeoutMs,
      ...(options.caBundle === undefined ? {} : { ca: [...rootCertificates, options.caBundle] }),
    },
  };
  if (!proxies?.http && !proxies?.https) return { dispatcher: new Agent(agent), request };
  // All three are given, so that the client does not look into the environment by itself.
  const given = { httpProxy: proxies.http ?? "", httpsProxy: proxies.https ?? "", noProxy: proxies.no ?? "" };
  // Behind a proxy what `connect` says does not count, neither to the proxy nor through it.
  const tls = { requestTls: agent.connect, proxyTls: agent.connect };
  return { dispatcher: new EnvHttpProxyAgent({ ...agent, ...tls, ...given }), request };
}

function splitCredentials(url: URL, { offset }: GetOptions): { address: URL; headers: Record<string, string> } {
  const headers: Record<string, string> = { accept: "*/*", "accept-encoding": "identity", "user-agent": "ashlar" };
  if (offset !== undefined && offset > 0) headers["range"] = `bytes=${offset}-`;
  const address = new URL(url);
  if (url.username !== "" || url.password !== "") {
    const pair = `${decoded(url.username)}:${decoded(url.password)}`;
    headers["authorization"] = `Basic ${Buffer.from(pair, "utf8").toString("base64")}`;
    address.username = "";
    address.password = "";
  }
  return { address, headers };
}

/** The text behind percent signs; what is no such text stands for itself. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function answerOf(response: Dispatcher.ResponseData): Answer {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(response.headers)) {
    if (value !== undefined) headers[name.toLowerCase()] = Array.isArray(value) ? (value[0] ?? "") : value;
  }
  const body = response.body;
  body.on("error", () => {});
  return {
    status: response.statusCode,
    headers,
    body,
    async discard() {
      await body.dump({ limit: 64 << 10 }).catch(() => {});
    },
  };
}
