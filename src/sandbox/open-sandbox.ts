// SPDX-License-Identifier: Apache-2.0
import type { Store } from "../store/index.ts";
import { findBackends } from "./backend.ts";
import { HostSandbox } from "./host-sandbox.ts";
import type { Sandbox, SandboxBackend } from "./sandbox.ts";

export interface SandboxOptions {
  readonly store: Store;
  /** Absent: the first that works of crun, runc and bwrap. */
  readonly backend?: SandboxBackend | undefined;
}

/**
 * Opens the sandbox of this host, rootless where we are not root. What is installed is looked at now; whether it
 * works shows in the first run, which tries one after the other. Throws `SANDBOX_UNAVAILABLE` with what is missing.
 */
export function openSandbox(options: SandboxOptions): Sandbox {
  const identity = process.geteuid?.() === 0 ? "root" : "rootless";
  return new HostSandbox({
    store: options.store,
    identity,
    backends: findBackends(identity, options.backend),
  });
}
