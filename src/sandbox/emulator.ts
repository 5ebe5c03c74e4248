// SPDX-License-Identifier: Apache-2.0
import { AshlarError } from "../base/index.ts";

const architectures: Readonly<Record<string, string>> = { x64: "linux/amd64", arm64: "linux/arm64" };

/**
 * The variables that the emulator of a platform needs; none where the host runs it by itself. Throws
 * `SANDBOX_EMULATOR` where there is none.
 */
export function emulatorFor(platform: string): Readonly<Record<string, string>> {
  const own = architectures[process.arch];
  if (platform === own) return {};
  throw new AshlarError("SANDBOX_EMULATOR", `Cannot run programs of ${platform}: this host is ${own}`, {
    hint: "build on a host of that platform, or use `install: unpack`",
  });
}
