// SPDX-License-Identifier: Apache-2.0
import { AshlarError } from "../base/index.ts";
import { lacksBlobs, type NamedRecord, plainSource, storeSource } from "../build/index.ts";
import { hostPlatform } from "./host-platform.ts";
import { type ImageSource, parsePlatform } from "../oci/index.ts";
import { type Engine, findEngine, loadInto } from "../registry/index.ts";
import type { Store } from "../store/index.ts";
import type { Shell } from "./shell.ts";

interface Loading {
  readonly store: Store;
  readonly record: NamedRecord;
  /** podman or docker; the one that is there where none is named. */
  readonly engine: string | undefined;
  readonly platform?: string | undefined;
}

interface Loaded {
  readonly engine: Engine;
  readonly name: string;
}

/** Hands an image to podman or docker. Returns what took it and its name there. Throws `USAGE_ENGINE`. */
export async function loadImage(shell: Shell, loading: Loading): Promise<Loaded> {
  const { store, record, platform } = loading;
  const engine = chooseEngine(shell, loading.engine);
  const wanted = platform ?? (record.images.length > 1 ? hostPlatform() : undefined);
  const name = engineName(record.name);
  const lease = store.lease();
  try {
    await loadInto(engine, await sourceFor(store, record, wanted), {
      name,
      tmpDir: store.tmpDir,
      platform: wanted === undefined ? undefined : parsePlatform(wanted),
    });
    return { engine, name };
  } finally {
    lease.release();
  }
}

/** Engines take a name without a registry for one of their own, and one without a tag for `latest`. */
function engineName(name: string): string {
  const isFull = /^(?:[^/]*[.:][^/]*|localhost)\//.test(name);
  const isTagged = name.lastIndexOf(":") > name.lastIndexOf("/");
  return `${isFull ? "" : "localhost/"}${name}${isTagged ? "" : ":latest"}`;
}

/** An image that is kept by file is handed over as plain tars. */
async function sourceFor(store: Store, record: NamedRecord, platform: string | undefined): Promise<ImageSource> {
  if (!lacksBlobs(store, record)) return storeSource(store, record);
  const [first] = record.images;
  const chosen = record.images.find((image) => image.platform === platform) ?? first;
  return plainSource(store, (chosen as NonNullable<typeof first>).record);
}

function chooseEngine(shell: Shell, asked: string | undefined): Engine {
  if (asked === "podman" || asked === "docker") return asked;
  if (asked !== undefined)
    throw new AshlarError("USAGE_ENGINE", `Cannot load into "${asked}": want podman or docker`);
  const found = findEngine(shell.env["PATH"] ?? "");
  if (found !== undefined) return found;
  throw new AshlarError("USAGE_ENGINE", "Cannot load the image: neither podman nor docker is on PATH", {
    hint: "install one of them, or write an archive: ashlar build --output oci-archive:FILE",
  });
}
