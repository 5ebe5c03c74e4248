// SPDX-License-Identifier: Apache-2.0
import { AshlarError } from "../base/index.ts";
import type { SandboxBackend } from "../sandbox/index.ts";
import type { Shell } from "./shell.ts";

const backends: readonly SandboxBackend[] = ["crun", "runc", "bwrap"];

/** The backend that `ASHLAR_SANDBOX` asks for; none: the first that works. Throws `USAGE_SANDBOX`. */
export function sandboxBackend({ env }: Shell): { readonly backend?: SandboxBackend } {
  const name = env["ASHLAR_SANDBOX"];
  if (name === undefined || name === "") return {};
  const backend = backends.find((known) => known === name);
  if (backend !== undefined) return { backend };
  throw new AshlarError("USAGE_SANDBOX", `Cannot use ASHLAR_SANDBOX "${name}": want ${backends.join(", ")}`);
}
