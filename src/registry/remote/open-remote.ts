// SPDX-License-Identifier: Apache-2.0
import type { Digest } from "../../base/index.ts";
import type { ImageSource, ImageTarget, Reference } from "../../oci/index.ts";
import { authorizedHttp } from "./authorized-http.ts";
import type { FindCredentials } from "./credentials.ts";
import { followingHttp } from "./following-http.ts";
import { type Mirror, mirrorsOf } from "./mirrors.ts";
import { mirroredSource } from "./mirrored-source.ts";
import { registryAddress } from "./registry-address.ts";
import type { RegistryHttp } from "./registry-http.ts";
import { remoteSource } from "./remote-source.ts";
import { remoteTarget } from "./remote-target.ts";
import { pullScope, pushScope, type Repository } from "./repository.ts";
import { type RetrySettings, retryingHttp } from "./retrying-http.ts";
import { type NetworkSettings, undiciHttp } from "./undici-http.ts";

/** Everything from outside that matters for registries, as values. */
export interface RegistrySettings extends NetworkSettings, RetrySettings {
  /** Who the user is; nobody when absent. */
  readonly credentials?: FindCredentials | undefined;
  /** By registry: where to look first when reading, `[scheme://]host[:port][/prefix]` each. */
  readonly mirrors?: Readonly<Record<string, readonly string[]>> | undefined;
  /** Registries that speak plain HTTP; those on loopback do without being listed. */
  readonly insecure?: readonly string[] | undefined;
  /** By registry: other hosts that may get its credentials as token services. */
  readonly authHosts?: Readonly<Record<string, readonly string[]>> | undefined;
  /** Largest part of a blob sent in one request, and kept in memory for it; 8 MiB when absent. */
  readonly chunkBytes?: number | undefined;
}

export interface RemoteOptions {
  /** Repositories of the same registry from which a blob may be mounted in place of sending it. */
  readonly mountFrom?: ((blob: Digest) => readonly string[]) | undefined;
}

/** A repository of a registry as a place of images. */
export interface RemotePlace extends Required<ImageSource>, ImageTarget {
  readonly reference: Reference;
  /** Ends all connections; idempotent. */
  close(): Promise<void>;
}

/**
 * Opens the repository that a reference names. Nothing is asked before the first use. `resolve` without a tag
 * finds what the reference names: its digest, else its tag, else `latest`. Reading asks the mirrors first, writing
 * never does. Errors: `REGISTRY_UNREACHABLE`, `REGISTRY_AUTH`, `REGISTRY_AUTH_REALM`, `REGISTRY_DENIED`,
 * `REGISTRY_BUSY`, `REGISTRY_FAILED`, `REGISTRY_ANSWER`, `REGISTRY_REDIRECT`, `REGISTRY_UPLOAD_LOST`, `OCI_*`.
 */
export function openRemote(reference: Reference, settings: RegistrySettings, options: RemoteOptions = {}): RemotePlace {
  const network = undiciHttp(settings);
  const http = retryingHttp(followingHttp(network), settings);
  const { registry: named, repository: name } = reference;
  const own: Mirror = { registry: registryAddress(named, settings), repository: name, named };
  const places = [...mirrorsOf(reference, settings), own].map((mirror) => openRepository(http, mirror, settings));
  const repository = places.at(-1) as Repository;
  const fallback = reference.digest ?? reference.tag ?? "latest";
  const source = mirroredSource(places.map((place) => remoteSource(place, fallback)));
  const pushed = { ...repository, scopes: [pushScope(repository.name)] };
  const target = remoteTarget(pushed, {
    mountFrom: (blob) => (options.mountFrom?.(blob) ?? []).filter((from) => from !== name),
    chunkBytes: settings.chunkBytes ?? 8 << 20,
  });
  return {
    reference,
    ...source,
    concurrent: true,
    has: (descriptor) => target.has(descriptor),
    writeBlob: (descriptor, bytes) => target.writeBlob(descriptor, bytes),
    writeManifest: (descriptor, bytes, root) => target.writeManifest(descriptor, bytes, root),
    finish: () => target.finish(),
    abort: () => target.abort(),
    close: () => network.close(),
  };
}

function openRepository(http: RegistryHttp, mirror: Mirror, settings: RegistrySettings): Repository {
  const { registry, repository, named } = mirror;
  const access = {
    registry,
    credentials: async () => settings.credentials?.(named, repository),
    authHosts: settings.authHosts?.[named] ?? [],
  };
  return {
    http: authorizedHttp(http, access),
    registry,
    name: repository,
    label: `${registry.host}/${repository}`,
    retry: settings,
    scopes: [pullScope(repository)],
  };
}
