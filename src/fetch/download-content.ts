// SPDX-License-Identifier: Apache-2.0
import { closeSync, fstatSync, openSync, rmSync } from "node:fs";

import { AshlarError, type Digest, Hasher, isSystemError } from "../base/index.ts";
import { addressOf, showAddress } from "./address.ts";
import { backOff, Fault, faultOf, statusFault, trySignal } from "./download-faults.ts";
import { type ContentRequest, type FetchContext, offlineError } from "./fetcher.ts";
import type { Mirror } from "./mirrors.ts";
import { hashFile, Partial } from "./partial.ts";
import type { Answer } from "./transport.ts";

/** Fetches a content of known digest into the download area. See `Fetcher.content`. */
export async function downloadContent(
  context: FetchContext,
  request: ContentRequest,
  { offline }: { readonly offline: boolean },
): Promise<string> {
  const path = context.area.downloadPath(request.digest);
  if (isPresent(path, request)) {
    context.emit({ kind: "done", name: request.name, sizeBytes: request.sizeBytes, cached: true });
    return path;
  }
  if (offline) throw offlineError(request.name);
  const partial = new Partial(path);
  let published = false;
  try {
    await fromMirrors(context, request, partial);
    partial.publish();
    published = true;
  } finally {
    if (!published) partial.leave();
  }
  context.emit({ kind: "done", name: request.name, sizeBytes: request.sizeBytes, cached: false });
  return path;
}

/** Tells whether the download lies there; one whose bytes are not right is removed, as if it had never been. */
export function isPresent(path: string, { digest, sizeBytes }: { digest: Digest; sizeBytes: number }): boolean {
  let file: number;
  try {
    file = openSync(path, "r");
  } catch (error) {
    if (isSystemError(error, "ENOENT")) return false;
    throw error;
  }
  try {
    const hasher = new Hasher();
    if (fstatSync(file).size === sizeBytes) hashFile(file, hasher);
    if (hasher.sizeBytes === sizeBytes && hasher.digest() === digest) return true;
  } finally {
    closeSync(file);
  }
  rmSync(path, { force: true });
  return false;
}

async function fromMirrors(context: FetchContext, request: ContentRequest, partial: Partial): Promise<void> {
  const faults: { readonly address: string; readonly fault: Fault }[] = [];
  for (const mirror of request.mirrors) {
    for (const path of request.paths) {
      const url = addressOf(mirror, path);
      const fault = await fromMirror(context, { request, mirror, url, partial });
      if (fault === undefined) return;
      faults.push({ address: showAddress(url), fault });
      if (fault.kind !== "absent") break;
    }
  }
  throw failed(request, faults);
}

interface Attempt {
  readonly request: ContentRequest;
  readonly mirror: Mirror;
  readonly url: URL;
  readonly partial: Partial;
}

/** However far each try gets, one mirror is not asked more often than this. */
const askCountMax = 100;

/** Tries one address until it works or is given up; tries that brought bytes do not count. */
async function fromMirror(context: FetchContext, attempt: Attempt): Promise<Fault | undefined> {
  const { request, partial } = attempt;
  let mismatches = 0;
  for (let tries = 1, asked = 1; ; tries++, asked++) {
    const before = partial.sizeBytes;
    try {
      await tryOnce(context, attempt);
      return undefined;
    } catch (error) {
      const fault = faultOf(error, context);
      if (fault.kind === "mismatch") {
        // Bytes of an earlier try may be the wrong ones: once from the beginning before the mirror is blamed.
        if (before === 0 || ++mismatches > 1) return fault;
        continue;
      }
      if (fault.kind !== "broken" || asked >= askCountMax) return fault;
      if (partial.sizeBytes > before) tries = 1;
      if (tries >= context.tryCountMax) return fault;
      await backOff(context, request.name, fault, tries);
    }
  }
}

async function tryOnce(context: FetchContext, { request, mirror, url, partial }: Attempt): Promise<void> {
  const { name, sizeBytes } = request;
  if (partial.sizeBytes > sizeBytes) partial.reset();
  const offset = partial.sizeBytes;
  if (offset < sizeBytes || sizeBytes === 0) {
    context.emit({ kind: "start", name, sizeBytes, from: showAddress(url) });
    const signal = trySignal(context, sizeBytes);
    const answer = await context.transportOf(mirror).get(url, { offset, signal });
    await checkStart(answer, partial, sizeBytes);
    await receive(answer, partial, { sizeBytes, count: (bytes) => context.emit({ kind: "bytes", name, bytes }) });
  }
  const actual = partial.digest();
  if (actual === request.digest) return;
  partial.reset();
  throw new Fault("mismatch", `the bytes have digest ${actual}, want ${request.digest}`);
}

/** Makes sure that the next byte of the answer is the next byte of the partial file. */
async function checkStart(answer: Answer, partial: Partial, sizeBytes: number): Promise<void> {
  const fault = startFault(answer, partial, sizeBytes);
  if (fault === undefined) return;
  await answer.discard();
  throw fault;
}

function startFault(answer: Answer, partial: Partial, sizeBytes: number): Fault | undefined {
  const { status, headers } = answer;
  if (status === 200) {
    if (partial.sizeBytes > 0) partial.reset();
    return sizeFault(headers["content-length"], sizeBytes);
  }
  if (status === 206) {
    const range = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(headers["content-range"] ?? "");
    if (range !== null && Number(range[1]) === partial.sizeBytes) {
      return sizeFault(range[2] === "*" ? undefined : range[2], sizeBytes);
    }
  }
  if (status !== 206 && status !== 416) return statusFault(answer);
  partial.reset();
  return new Fault("broken", `HTTP status ${status} with a range that was not asked for`);
}

function sizeFault(length: string | undefined, sizeBytes: number): Fault | undefined {
  if (length === undefined || Number(length) === sizeBytes) return undefined;
  return new Fault("mismatch", `the file has ${length} bytes, want ${sizeBytes}`);
}

async function receive(
  answer: Answer,
  partial: Partial,
  { sizeBytes, count }: { readonly sizeBytes: number; readonly count: (bytes: number) => void },
): Promise<void> {
  for await (const bytes of answer.body) {
    if (partial.sizeBytes + bytes.length > sizeBytes) {
      partial.reset();
      throw new Fault("mismatch", `the file has more than ${sizeBytes} bytes`);
    }
    partial.write(bytes);
    count(bytes.length);
  }
  if (partial.sizeBytes < sizeBytes) {
    throw new Fault("broken", `the answer ended after ${partial.sizeBytes} of ${sizeBytes} bytes`);
  }
}

function failed(
  request: ContentRequest,
  faults: readonly { readonly address: string; readonly fault: Fault }[],
): AshlarError {
  const because = faults.map(({ address, fault }) => `${address}: ${fault.message}`);
  const details = { name: request.name, digest: request.digest, sizeBytes: request.sizeBytes };
  const wrong = faults.find(({ fault }) => fault.kind === "mismatch");
  if (wrong !== undefined) {
    const message = `Cannot fetch ${request.name}: ${wrong.fault.message}`;
    return new AshlarError("FETCH_DIGEST_MISMATCH", message, { because, details });
  }
  if (faults.every(({ fault }) => fault.kind === "absent")) {
    const message = `Cannot fetch ${request.name}: no mirror has it any more, want ${request.digest}`;
    return new AshlarError("FETCH_NOT_FOUND", message, {
      because,
      details,
      hint: "ashlar update takes what the archive has now; ASHLAR_SNAPSHOT names a service that keeps old files",
    });
  }
  return new AshlarError("FETCH_FAILED", `Cannot fetch ${request.name}: no mirror could be reached`, {
    because,
    details,
    hint: "check the network and the proxy variables, or set ASHLAR_MIRROR",
  });
}
