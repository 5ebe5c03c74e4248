// SPDX-License-Identifier: Apache-2.0
import { AshlarError, byText, digestOf, parsePath } from "../base/index.ts";
import { encodeTarHeader, tarEnd, tarPadding } from "../formats/index.ts";

const meta = { uid: 0, gid: 0, mtimeSeconds: 0 };

/**
 * A tar of files for /run, by path below it, each in a directory: secrets 0400, others 0444. Undefined where
 * there are none.
 */
export function runFiles(files: Readonly<Record<string, Uint8Array>>): Buffer | undefined {
  const named = Object.entries(files).sort(byText(([path]) => path));
  if (named.length === 0) return undefined;
  const parts: Uint8Array[] = [];
  for (const dir of new Set(named.map(([path]) => path.slice(0, path.lastIndexOf("/"))))) {
    parts.push(encodeTarHeader({ ...meta, type: "dir", path: parsePath(dir), mode: 0o755 }));
  }
  for (const [path, bytes] of named) {
    const file = { content: digestOf(bytes), sizeBytes: bytes.length };
    const mode = path.startsWith("secrets/") ? 0o400 : 0o444;
    parts.push(encodeTarHeader({ ...meta, ...file, type: "file", path: parsePath(path), mode }), bytes);
    parts.push(tarPadding(bytes.length));
  }
  return Buffer.concat([...parts, tarEnd]);
}

/** Secrets by their path below /run. Throws `SANDBOX_SECRET` for a name that is no plain file name. */
export function secretFiles(secrets: Readonly<Record<string, Uint8Array>> = {}): Record<string, Uint8Array> {
  const files: Record<string, Uint8Array> = {};
  for (const [name, bytes] of Object.entries(secrets)) {
    if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/.test(name)) {
      const state = "want letters, digits, dots, dashes and underscores";
      throw new AshlarError("SANDBOX_SECRET", `Cannot give secret ${JSON.stringify(name)}: ${state}`);
    }
    files[`secrets/${name}`] = bytes;
  }
  return files;
}
