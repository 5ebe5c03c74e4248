// SPDX-License-Identifier: Apache-2.0
import type { Digest } from "../base/index.ts";

/** A file or symbolic link of the project. */
export interface ProjectFile {
  /** From the project's directory, with slashes. */
  readonly path: string;
  /** Its owner may execute it. */
  readonly executable: boolean;
  /** Set for a symbolic link, which is never followed. */
  readonly symlinkTarget?: string;
}

/** The directory that a spec lies in, or the outputs of a step: what an image may take files from. */
export interface ProjectFiles {
  /**
   * Everything below a directory ("" is the project), or the file of that name itself; nothing where there is
   * neither. In any order. Directories for which `enter` says no are passed over.
   */
  walk(from: string, enter: (directory: string) => boolean): Iterable<ProjectFile>;
  /** Brings a file's content into the store. */
  content(path: string): { readonly digest: Digest; readonly sizeBytes: number };
  /** The first bytes of a file, at least 64 KiB where it has as many. */
  head(path: string): Uint8Array;
  /** Nothing is there by accident (the outputs of a step), so that wildcards pass over no name. */
  readonly isWhole?: boolean;
}

/** A project out of values: the twin that tests use. */
export function memoryProject(
  files: Readonly<
    Record<string, string | { readonly text: string; readonly executable?: boolean } | { readonly link: string }>
  >,
  put: (bytes: Uint8Array) => { readonly digest: Digest; readonly sizeBytes: number },
): ProjectFiles {
  const bytesOf = (path: string): Uint8Array => {
    const file = files[path];
    if (file === undefined || (typeof file !== "string" && "link" in file))
      throw new Error("internal error: no such file");
    return Buffer.from(typeof file === "string" ? file : file.text, "utf8");
  };
  return {
    *walk(from, enter) {
      for (const [path, file] of Object.entries(files)) {
        if (from !== "" && path !== from && !path.startsWith(`${from}/`)) continue;
        if (!ancestorsBelow(path, from).every(enter)) continue;
        const executable = typeof file === "object" && "text" in file && file.executable === true;
        yield typeof file === "object" && "link" in file
          ? { path, executable, symlinkTarget: file.link }
          : { path, executable };
      }
    },
    content: (path) => put(bytesOf(path)),
    head: bytesOf,
  };
}

function ancestorsBelow(path: string, from: string): readonly string[] {
  const parts = path.split("/").slice(0, -1);
  return parts.map((_, i) => parts.slice(0, i + 1).join("/")).filter((dir) => dir.length > from.length);
}
