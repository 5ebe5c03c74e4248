// SPDX-License-Identifier: Apache-2.0
import { closeSync, fstatSync, openSync, rmSync, statSync } from "node:fs";

import { AshlarError, type Digest, Hasher, isSystemError } from "../base/index.ts";
import { storeFault } from "../store/index.ts";
import { showAddress } from "./address.ts";
import { backOff, Fault, faultOf, statusFault, trySignal } from "./download-faults.ts";
import { type FetchContext, offlineError } from "./fetcher.ts";
import { hashFile, Partial } from "./partial.ts";
import type { Answer } from "./transport.ts";

/** A content of known digest, and where it may be. */
export interface WantedContent {
  readonly name: string;
  readonly digest: Digest;
  /** Undefined: not known before it came. */
  readonly sizeBytes: number | undefined;
  /** The most it may have. */
  readonly sizeBytesMax: number;
  /** For each place its addresses, best first: the next one is asked where one is not found. */
  readonly places: readonly (readonly URL[])[];
}

/** Fetches a content into the download area, in its turn. See `Fetcher.content` and `Fetcher.file`. */
export async function downloadContent(
  context: FetchContext,
  request: WantedContent,
  options: { readonly offline: boolean },
): Promise<string> {
  try {
    return await downloadOnce(context, request, options);
  } catch (error) {
    // What went wrong with the network has become an error of ours; what is left is the disk's.
    throw storeFault(`write download of ${request.name}`, error);
  }
}

async function downloadOnce(
  context: FetchContext,
  request: WantedContent,
  { offline }: { readonly offline: boolean },
): Promise<string> {
  const path = context.area.downloadPath(request.digest);
  if (isPresent(path, request)) {
    context.emit({ kind: "done", name: request.name, sizeBytes: statSync(path).size, cached: true });
    return path;
  }
  if (offline) throw offlineError(request.name);
  const sizeBytes = await downloadTo(path, context, request);
  context.emit({ kind: "done", name: request.name, sizeBytes, cached: false });
  return path;
}

async function downloadTo(path: string, context: FetchContext, request: WantedContent): Promise<number> {
  const partial = new Partial(path);
  try {
    await fromMirrors(context, request, partial);
  } catch (error) {
    leaveQuietly(partial);
    throw error;
  }
  partial.publish();
  return partial.sizeBytes;
}

/** The error that led here is the one to tell. */
function leaveQuietly(partial: Partial): void {
  try {
    partial.leave();
  } catch (error) {
    if (!(error instanceof Error) || !("syscall" in error)) throw error;
  }
}

/** Tells whether the download lies there; one whose bytes are not right is removed, as if it had never been. */
export function isPresent(
  path: string,
  { digest, sizeBytes }: { readonly digest: Digest; readonly sizeBytes: number | undefined },
): boolean {
  let file: number;
  try {
    file = openSync(path, "r");
  } catch (error) {
    if (isSystemError(error, "ENOENT")) return false;
    throw error;
  }
  try {
    const hasher = new Hasher();
    const wantedBytes = sizeBytes ?? fstatSync(file).size;
    if (fstatSync(file).size === wantedBytes) hashFile(file, hasher);
    if (hasher.sizeBytes === wantedBytes && hasher.digest() === digest) return true;
  } finally {
    closeSync(file);
  }
  rmSync(path, { force: true });
  return false;
}

async function fromMirrors(context: FetchContext, request: WantedContent, partial: Partial): Promise<void> {
  const faults: { readonly address: string; readonly fault: Fault }[] = [];
  for (const addresses of request.places) {
    for (const url of addresses) {
      const fault = await fromMirror(context, { request, url, partial });
      if (fault === undefined) return;
      faults.push({ address: showAddress(url), fault });
      if (fault.kind !== "absent") break;
    }
  }
  throw failed(request, faults);
}

interface Attempt {
  readonly request: WantedContent;
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

async function tryOnce(context: FetchContext, { request, url, partial }: Attempt): Promise<void> {
  const { name, sizeBytes, sizeBytesMax } = request;
  if (partial.sizeBytes > sizeBytesMax) partial.reset();
  const offset = partial.sizeBytes;
  if (offset === 0 || offset !== sizeBytes) {
    context.emit({ kind: "start", name, sizeBytes, from: showAddress(url) });
    const signal = trySignal(context, sizeBytesMax);
    const answer = await context.transportOf(url).get(url, { offset, signal });
    if (isAtEnd(answer, request, partial)) await answer.discard();
    else {
      await checkStart(answer, partial, sizeBytes);
      await receive(answer, partial, { ...request, count: (bytes) => context.emit({ kind: "bytes", name, bytes }) });
    }
  }
  const actual = partial.digest();
  if (actual === request.digest) return;
  partial.reset();
  throw new Fault("mismatch", `the bytes have digest ${actual}, want ${request.digest}`);
}

/** Nothing is left of a file whose size was not known: it had come whole, and its digest decides. */
function isAtEnd({ status, headers }: Answer, request: WantedContent, partial: Partial): boolean {
  if (status !== 416 || request.sizeBytes !== undefined || partial.sizeBytes === 0) return false;
  return headers["content-range"] === `bytes */${partial.sizeBytes}`;
}

/** Makes sure that the next byte of the answer is the next byte of the partial file. */
async function checkStart(answer: Answer, partial: Partial, sizeBytes: number | undefined): Promise<void> {
  const fault = startFault(answer, partial, sizeBytes);
  if (fault === undefined) return;
  await answer.discard();
  throw fault;
}

function startFault(answer: Answer, partial: Partial, sizeBytes: number | undefined): Fault | undefined {
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

function sizeFault(length: string | undefined, sizeBytes: number | undefined): Fault | undefined {
  if (length === undefined || sizeBytes === undefined || Number(length) === sizeBytes) return undefined;
  return new Fault("mismatch", `the file has ${length} bytes, want ${sizeBytes}`);
}

interface Receiving extends Pick<WantedContent, "sizeBytes" | "sizeBytesMax"> {
  readonly count: (bytes: number) => void;
}

async function receive(answer: Answer, partial: Partial, { sizeBytes, sizeBytesMax, count }: Receiving): Promise<void> {
  const announced = Number(answer.headers["content-length"] ?? 0) + partial.sizeBytes;
  for await (const bytes of answer.body) {
    if (partial.sizeBytes + bytes.length > sizeBytesMax) {
      partial.reset();
      throw new Fault("mismatch", `the file has more than ${sizeBytesMax} bytes`);
    }
    partial.write(bytes);
    count(bytes.length);
  }
  const wantedBytes = sizeBytes ?? announced;
  if (partial.sizeBytes < wantedBytes) {
    throw new Fault("broken", `the answer ended after ${partial.sizeBytes} of ${wantedBytes} bytes`);
  }
}

function failed(
  request: WantedContent,
  faults: readonly { readonly address: string; readonly fault: Fault }[],
): AshlarError {
  const because = faults.map(({ address, fault }) => `${address}: ${fault.message}`);
  const details = { name: request.name, digest: request.digest, sizeBytes: request.sizeBytes };
  const isSource = request.sizeBytes === undefined;
  const wrong = faults.find(({ fault }) => fault.kind === "mismatch");
  if (wrong !== undefined) {
    const message = `Cannot fetch ${request.name}: ${wrong.fault.message}`;
    const hint = isSource ? "find out why the file has changed before its new sha256 goes into the spec" : undefined;
    return new AshlarError("FETCH_DIGEST_MISMATCH", message, { because, details, hint });
  }
  if (faults.every(({ fault }) => fault.kind === "absent")) {
    const state = isSource ? "the address has no such file" : "no mirror has it any more";
    return new AshlarError("FETCH_NOT_FOUND", `Cannot fetch ${request.name}: ${state}, want ${request.digest}`, {
      because,
      details,
      hint: isSource
        ? "correct the url in the spec; any address will do that has the same bytes"
        : "ashlar update takes what the archive has now; ASHLAR_SNAPSHOT names a service that keeps old files",
    });
  }
  const state = isSource ? "the address could not be reached" : "no mirror could be reached";
  return new AshlarError("FETCH_FAILED", `Cannot fetch ${request.name}: ${state}`, {
    because,
    details,
    hint: "check the network and the proxy variables, or set ASHLAR_MIRROR",
  });
}
