// SPDX-License-Identifier: Apache-2.0
/** Puts a command into namespaces of its own, as another machine would see the store's disk; ends with `unshare`. */
export const ownNamespaces: readonly string[] = [
  ...["unshare", "--user", "--map-root-user", "--pid", "--mount", "--uts", "--ipc", "--mount-proc"],
  ...["--fork", "--kill-child"],
];
