// SPDX-License-Identifier: Apache-2.0
import { capabilities, type ProcessPlan } from "./oci-config.ts";

/** The descriptor on which the launcher gives the program of the filter. */
const seccompFd = 5;
const statusFd = 7;

/**
 * The arguments for bwrap, NUL after each, as `--args` takes them: what `ociConfig` says, in its words. bwrap
 * itself forbids new privileges, and cannot leave the first process its number without `--as-pid-1`.
 */
export function bwrapArgs(plan: ProcessPlan): Buffer {
  const args = ["--dev-bind", "root", "/", "--proc", "/proc"];
  for (const path of plan.readonlyPaths) args.push("--ro-bind", path, path);
  for (const { path, kind } of plan.maskedPaths) {
    if (kind === "dir") args.push("--tmpfs", path, "--remount-ro", path);
    else args.push("--dev-bind", "/dev/null", path);
  }
  args.push("--unshare-pid", "--as-pid-1", "--unshare-net", "--unshare-ipc", "--unshare-uts");
  args.push("--hostname", plan.hostName, "--chdir", plan.cwd, "--clearenv");
  for (const [name, value] of Object.entries(plan.env)) args.push("--setenv", name, value);
  args.push("--cap-drop", "ALL", ...capabilities.flatMap((name) => ["--cap-add", name]));
  args.push("--seccomp", `${seccompFd}`, "--json-status-fd", `${statusFd}`);
  return Buffer.from(args.map((arg) => `${arg}\0`).join(""), "utf8");
}
