// SPDX-License-Identifier: Apache-2.0
import { spawn } from "node:child_process";
import { existsSync, rmSync } from "node:fs";
import { delimiter, join } from "node:path";

import { AshlarError, isSystemError } from "../base/index.ts";
import type { ImageSource, Platform } from "../oci/index.ts";
import { copyImage } from "./copy-image.ts";
import { dockerArchiveTarget } from "./docker-archive-target.ts";
import { ociArchiveTarget } from "./oci-archive.ts";

export type Engine = "docker" | "podman";

export interface LoadOptions {
  /** The source's tag. */
  readonly from?: string | undefined;
  /** The name the engine shall give the image, e.g. `localhost/app:latest`. */
  readonly name: string;
  /** Which image of an index: the engine holds one. */
  readonly platform?: Platform | undefined;
  /** Where the archive may lie while the engine reads it. */
  readonly tmpDir: string;
  /** The engine's command and first arguments; by default its name. */
  readonly command?: readonly string[] | undefined;
}

/** The first of podman and docker that a search path (as in `PATH`) holds. */
export function findEngine(searchPath: string): Engine | undefined {
  const holds = (engine: Engine): boolean => searchPath.split(delimiter).some(
    (dir) => dir !== "" && existsSync(join(dir, engine)),
  );
  return (["podman", "docker"] as const).find(holds);
}

/**
 * Gives an image to a container engine of this machine. podman gets the OCI image as it is, docker its own
 * format: one that every version reads; the image ID is the same. Returns what the engine said. Throws
 * `REGISTRY_ENGINE_MISSING`, `REGISTRY_ENGINE_FAILED` with its last words, and the errors of `copyImage`.
 */
export async function loadInto(engine: Engine, source: ImageSource, options: LoadOptions): Promise<string> {
  const path = join(options.tmpDir, `load.${process.pid}.${counter++}.tar`);
  const target = engine === "podman" ? ociArchiveTarget(path) : dockerArchiveTarget(path);
  try {
    await copyImage(source, target, { from: options.from, tag: options.name, platform: options.platform });
    await target.finish();
    return await run([...(options.command ?? [engine]), "load", "--input", path], engine);
  } finally {
    await target.abort();
    rmSync(path, { force: true });
  }
}

let counter = 0;

function run(command: readonly string[], engine: Engine): Promise<string> {
  const [name = "", ...args] = command;
  return new Promise((resolve, reject) => {
    const child = spawn(name, args, { stdio: ["ignore", "pipe", "pipe"] });
    let out = "";
    let said = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (out += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (said = `${said}${text}`.slice(-4000)));
    child.on("error", (cause) => reject(startError(engine, cause)));
    child.on("close", (status) => (status === 0 ? resolve(out) : reject(failed(engine, status, said))));
  });
}

function startError(engine: Engine, cause: Error): AshlarError {
  if (!isSystemError(cause, "ENOENT")) return failed(engine, null, cause.message);
  return new AshlarError("REGISTRY_ENGINE_MISSING", `Cannot load into ${engine}: the command is not installed`, {
    hint: `install ${engine}, or write an archive with --output ${engine === "docker" ? "docker" : "oci"}-archive:PATH`,
    cause,
  });
}

function failed(engine: Engine, status: number | null, said: string): AshlarError {
  const because = said.trim() === "" ? [] : [said.trim()];
  return new AshlarError(
    "REGISTRY_ENGINE_FAILED",
    `Cannot load into ${engine}: it ended with status ${status}, want 0`,
    { because },
  );
}
