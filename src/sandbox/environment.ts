// SPDX-License-Identifier: Apache-2.0

/**
 * The environment of every command, made from nothing: no variable of the host gets in. `SOURCE_DATE_EPOCH` is
 * 1980-01-01, the first time that all formats can hold (zip begins there).
 */
export const fixedEnvironment: Readonly<Record<string, string>> = {
  PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
  HOME: "/root",
  LANG: "C.UTF-8",
  LC_ALL: "C.UTF-8",
  TZ: "UTC",
  DEBIAN_FRONTEND: "noninteractive",
  DEBCONF_NONINTERACTIVE_SEEN: "true",
  DEBCONF_NOWARNINGS: "yes",
  SOURCE_DATE_EPOCH: "315532800",
  PYTHONHASHSEED: "0",
  PERL_HASH_SEED: "0",
  TERM: "dumb",
};

export const fixedHostName = "localhost";

/** Where the sandbox mounts file systems of its own: nothing there is of the root, and nothing is captured. */
export const mountPoints = ["dev", "proc", "run", "sys", "tmp"] as const;
