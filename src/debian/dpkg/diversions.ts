// SPDX-License-Identifier: Apache-2.0
import {
  AshlarError,
  type ImagePath,
  isAshlarError,
  limits,
  nameFromBytes,
  parsePath,
} from "../../base/index.ts";

/** One record of dpkg's diversions: what other packages install at `from` goes to `to`. */
export interface Diversion {
  readonly from: ImagePath;
  readonly to: ImagePath;
  /** The package whose own file stays at `from`; undefined for a local diversion, which moves everybody's. */
  readonly by: string | undefined;
}

/**
 * Parses `/var/lib/dpkg/diversions`: three lines a record: from, to, and the package or ":". Throws
 * `DEBIAN_DIVERSIONS_INVALID` with the line's number. (dpkg-divert(1))
 */
export function parseDiversions(bytes: Uint8Array): readonly Diversion[] {
  if (bytes.length > limits.textBytesMax) throw invalid(1, `larger than ${limits.textBytesMax} bytes`);
  const lines = nameFromBytes(bytes).split("\n");
  if (lines.pop() !== "") throw invalid(lines.length + 1, "the last line has no end");
  if (lines.length % 3 !== 0) throw invalid(lines.length, "the last record has no three lines");
  const diversions: Diversion[] = [];
  for (let i = 0; i < lines.length; i += 3) {
    const [from, to, by] = lines.slice(i, i + 3) as [string, string, string];
    if (!/^(:|[a-z0-9][a-z0-9+.:-]*)$/.test(by)) throw invalid(i + 3, `"${by}" is no package`);
    diversions.push({ from: pathAt(from, i + 1), to: pathAt(to, i + 2), by: by === ":" ? undefined : by });
  }
  return diversions;
}

function pathAt(line: string, number: number): ImagePath {
  if (!line.startsWith("/")) throw invalid(number, "want an absolute path");
  try {
    return parsePath(line);
  } catch (error) {
    throw isAshlarError(error) ? invalid(number, error.message) : error;
  }
}

function invalid(line: number, fault: string): AshlarError {
  return new AshlarError(
    "DEBIAN_DIVERSIONS_INVALID",
    `Cannot read dpkg's diversions: line ${line}, ${fault}`,
  );
}
