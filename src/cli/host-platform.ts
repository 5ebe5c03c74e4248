// SPDX-License-Identifier: Apache-2.0
import type { PlatformChoice } from "../image/index.ts";

/** What the machine that runs us would take of several platforms. */
export function hostPlatform(): string {
  return process.arch === "arm64" ? "linux/arm64" : "linux/amd64";
}

/** The platform that `--platform` asks for, with the host's behind it. */
export function platformChoice(asked: string | undefined): PlatformChoice {
  return { asked, host: hostPlatform() };
}
