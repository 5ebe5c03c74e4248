// SPDX-License-Identifier: Apache-2.0
import type { ContentSink, ProjectFiles } from "../../assemble/index.ts";
import { digestOf } from "../../base/index.ts";

/** The project's files, their contents only hashed, or given to a sink. */
export type OpenProject = (sink?: ContentSink) => ProjectFiles;

/** The bytes of one file of the project. */
export function readProjectFile(open: OpenProject, path: string): Uint8Array {
  let read: Uint8Array = new Uint8Array();
  const sink: ContentSink = {
    put(bytes) {
      read = bytes;
      return { digest: digestOf(bytes), sizeBytes: bytes.length };
    },
  };
  open(sink).content(path);
  return read;
}
