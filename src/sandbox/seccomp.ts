// SPDX-License-Identifier: Apache-2.0
import type { Json } from "../base/index.ts";

/**
 * System calls that no package's script or compiler needs and that reach beyond a root file system: mounts and
 * handles, namespaces, the kernel's modules, keys, clock and power, other processes' memory, and the interfaces
 * where most holes of the last years were. They fail with EPERM, as for a user without the capability.
 */
export const deniedCalls = [
  "acct",
  "add_key",
  "adjtimex",
  "bpf",
  "clock_adjtime",
  "clock_settime",
  "create_module",
  "delete_module",
  "fanotify_init",
  "finit_module",
  "fsconfig",
  "fsmount",
  "fsopen",
  "fspick",
  "init_module",
  "io_uring_enter",
  "io_uring_register",
  "io_uring_setup",
  "ioperm",
  "iopl",
  "kcmp",
  "kexec_file_load",
  "kexec_load",
  "keyctl",
  "lookup_dcookie",
  "mount",
  "mount_setattr",
  "move_mount",
  "move_pages",
  "name_to_handle_at",
  "nfsservctl",
  "open_by_handle_at",
  "open_tree",
  "perf_event_open",
  "pidfd_getfd",
  "pivot_root",
  "process_madvise",
  "process_vm_readv",
  "process_vm_writev",
  "ptrace",
  "quotactl",
  "quotactl_fd",
  "reboot",
  "request_key",
  "setns",
  "settimeofday",
  "swapoff",
  "swapon",
  "syslog",
  "umount",
  "umount2",
  "unshare",
  "userfaultfd",
  "vhangup",
] as const;

/** CLONE_NEW* flags of clone(2): new namespaces would give all capabilities back, inside them. */
export const cloneNamespaces = 0x7e020000;

const eperm = 1;
const enosys = 38;

/** The filter as crun and runc take it (OCI runtime-spec 1.0.2, config-linux.md#seccomp). */
export function ociSeccomp(arch: NodeJS.Architecture): Json {
  const architectures = arch === "x64" ? ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"] : ["SCMP_ARCH_AARCH64"];
  const newNamespace = { index: 0, value: cloneNamespaces, valueTwo: 0, op: "SCMP_CMP_MASKED_EQ" };
  return {
    defaultAction: "SCMP_ACT_ALLOW",
    architectures,
    syscalls: [
      { names: [...deniedCalls], action: "SCMP_ACT_ERRNO", errnoRet: eperm },
      // Its flags lie in memory, where a filter cannot look; libraries fall back to clone(2).
      { names: ["clone3"], action: "SCMP_ACT_ERRNO", errnoRet: enosys },
      ...cloneFlags().map((flag) => ({
        names: ["clone"],
        action: "SCMP_ACT_ERRNO",
        errnoRet: eperm,
        args: [{ ...newNamespace, value: flag, valueTwo: flag }],
      })),
    ],
  };
}

/** Each bit by itself: a rule of libseccomp matches only when all bits of its mask are as given. */
function cloneFlags(): number[] {
  return Array.from({ length: 31 }, (_, bit) => 2 ** bit).filter((flag) => (cloneNamespaces & flag) !== 0);
}
