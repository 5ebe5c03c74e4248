// SPDX-License-Identifier: Apache-2.0
import { AshlarError, parseEntryName } from "../base/index.ts";
import type { Mirror } from "./mirrors.ts";

/**
 * The address of a file of an archive. `path` comes from a Release or Packages file: it must be relative
 * and stay below the base. Throws `FETCH_PATH_INVALID`.
 */
export function addressOf(mirror: Mirror, path: string): URL {
  const parts = safePath(path).split("/").map(encodeURIComponent);
  return new URL(mirror.base + parts.join("/"));
}

/** A `Filename` or index path, proved relative, without a leading "./". Throws `FETCH_PATH_INVALID`. */
export function safePath(path: string): string {
  let name: string | undefined;
  try {
    name = parseEntryName(path);
  } catch (cause) {
    throw invalid(path, cause);
  }
  if (name === undefined || path.endsWith("/") || /[\u0000-\u001f\\]/.test(name) || !name.isWellFormed()) {
    throw invalid(path);
  }
  return name;
}

function invalid(path: string, cause?: unknown): AshlarError {
  const shown = JSON.stringify(path.length > 200 ? `${path.slice(0, 200)}...` : path);
  const message = `Cannot use file name ${shown} of an archive: it leaves the archive, want a relative path`;
  return new AshlarError("FETCH_PATH_INVALID", message, { cause });
}

/** An address as messages show it: without user and password. */
export function showAddress(url: URL): string {
  if (url.username === "" && url.password === "") return url.href;
  const shown = new URL(url);
  shown.username = "***";
  shown.password = "";
  return shown.href;
}
