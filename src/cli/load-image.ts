// SPDX-License-Identifier: Apache-2.0
import { AshlarError } from "../base/index.ts";
import { type NamedRecord, storeSource } from "../build/index.ts";
import { hostPlatform } from "./host-platform.ts";
import { parsePlatform } from "../oci/index.ts";
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
  // Engines take a name without a registry for one of their own.
  const name = `${record.name.includes(".") ? "" : "localhost/"}${record.name}:latest`;
  const lease = store.lease();
  try {
    await loadInto(engine, storeSource(store, record), {
      name,
      tmpDir: store.tmpDir,
      platform: wanted === undefined ? undefined : parsePlatform(wanted),
    });
    return { engine, name };
  } finally {
    lease.release();
  }
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
