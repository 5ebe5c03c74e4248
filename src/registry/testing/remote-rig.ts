// SPDX-License-Identifier: Apache-2.0
import { isAshlarError } from "../../base/index.ts";
import { describeBytes, type Descriptor, parseReference } from "../../oci/index.ts";
import { openRemote, type RegistrySettings, type RemoteOptions, type RemotePlace } from "../remote/open-remote.ts";
import { startTestRegistry, type TestRegistry, type TestRegistryOptions } from "./test-registry.ts";

/** A test registry with a blob in it, and the client's places, which are closed with it. */
export interface RemoteRig extends AsyncDisposable {
  readonly registry: TestRegistry;
  /** Opens a repository, or what a reference without its host names; retries wait a millisecond. */
  open(name?: string, settings?: RegistrySettings, options?: RemoteOptions): RemotePlace;
  /** Puts bytes into a repository by the back door. */
  put(bytes: Uint8Array, name?: string): Descriptor;
}

const repository = "team/app";

export async function makeRemoteRig(options: TestRegistryOptions = {}): Promise<RemoteRig> {
  const registry = await startTestRegistry(options);
  const places: RemotePlace[] = [];
  return {
    registry,
    open(name = repository, settings = {}, remote = {}) {
      const reference = parseReference(`${registry.host}/${name}`);
      const place = openRemote(reference, { retryDelayMs: 1, ...settings }, remote);
      places.push(place);
      return place;
    },
    put(bytes, name = repository) {
      const descriptor = describeBytes("application/octet-stream", bytes);
      const known = registry.repositories.get(name) ?? { blobs: new Map(), manifests: new Map(), tags: new Map() };
      registry.repositories.set(name, known);
      known.blobs.set(descriptor.digest, bytes);
      return descriptor;
    },
    async [Symbol.asyncDispose]() {
      for (const place of places) await place.close();
      await registry.close();
    },
  };
}

/** Bytes that are the same everywhere and differ from place to place. */
export function someBytes(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let i = 0; i < length; i++) bytes[i] = (Math.imul(i, 2_654_435_761) >>> 24) ^ (i >> 8);
  return bytes;
}

/** Everything a stream gives. */
export async function readAll(pieces: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Buffer[] = [];
  for await (const piece of pieces) all.push(Buffer.from(piece));
  return Buffer.concat(all);
}

/** For `assert.rejects`: an `AshlarError` of this code whose message fits. */
export function refuses(code: string, pattern = /./): (error: unknown) => boolean {
  return (error) => isAshlarError(error, code) && pattern.test(error.message);
}
